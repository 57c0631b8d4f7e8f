"""DKIM (RFC 6376, 8463): find a domain's key, and say whether receivers can use it."""

import base64
import binascii
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ctm.sender.resolver import Resolver

COMMON = (
    "default",
    "google",
    "selector1",
    "selector2",
    "dkim",
    "mail",
    "smtp",
    "s1",
    "s2",
    "k1",
    "k2",
    "key1",
    "x",
    "mx",
)
BY_PROVIDER = {
    "gmail": ("google",),
    "google_workspace": ("google",),
    "office365": ("selector1", "selector2"),
}
WEAK_BITS, GOOD_BITS = 1024, 2048


@dataclass(frozen=True)
class Key:
    """``state``: ``ok``, ``short`` (works, though old), ``weak`` (receivers ignore it),
    ``revoked``, ``testing``, ``unreadable``, ``several``."""

    selector: str
    state: str
    record: str
    bits: int = 0


def selectors(given: str, provider: str) -> tuple[str, ...]:
    """Which selectors to ask for: the one given, or what providers commonly use."""
    if given:
        return (given,)
    return tuple(dict.fromkeys((*BY_PROVIDER.get(provider, ()), *COMMON)))


def find(domain: str, names: tuple[str, ...], resolver: Resolver) -> list[Key]:
    """The keys that are there, the first that works at the front.

    :raises LookupFailed: DNS does not answer.
    """
    found = []
    for name in names:
        texts = resolver.texts(f"{name}._domainkey.{domain}")
        records = [text for text in texts if "p=" in text.lower().replace(" ", "")]
        if not records:
            continue
        key = Key(name, "several", records[0]) if len(records) > 1 else judge(name, records[0])
        if key.state == "ok":
            return [key]
        found.append(key)
    good = ("short", "testing")
    return sorted(found, key=lambda key: key.state not in good)


def tags(record: str) -> dict[str, str]:
    """``a=b; c=d`` as a dictionary; what is no tag falls out, the first of two counts."""
    found: dict[str, str] = {}
    for part in record.split(";"):
        name, equals, value = part.partition("=")
        if equals and name.strip():
            found.setdefault(name.strip().lower(), value.strip())
    return found


def judge(selector: str, record: str) -> Key:
    """What a key's record is worth."""
    values = tags(record)
    text = "".join(values.get("p", "").split())
    if values.get("v", "DKIM1") != "DKIM1":
        return Key(selector, "unreadable", record)
    if not text:
        return Key(selector, "revoked", record)
    bits = _bits(values.get("k", "rsa"), text)
    if not bits:
        return Key(selector, "unreadable", record)
    if bits < WEAK_BITS:
        return Key(selector, "weak", record, bits)
    if "y" in values.get("t", "").split(":"):
        return Key(selector, "testing", record, bits)
    return Key(selector, "ok" if bits >= GOOD_BITS else "short", record, bits)


def _bits(kind: str, text: str) -> int:
    """The strength of a key, on RSA's scale; 0 if it cannot be read."""
    try:
        raw = base64.b64decode(text, validate=True)
        if kind == "ed25519":
            ed25519.Ed25519PublicKey.from_public_bytes(raw)
            return GOOD_BITS
        key = load_der_public_key(raw)
    except (binascii.Error, ValueError, UnsupportedAlgorithm, TypeError):
        return 0
    return key.key_size if isinstance(key, rsa.RSAPublicKey) else 0
