"""The instance's keys in a backup: sealed with a passphrase, or left out (decision 0018)."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ctm.backup.manifest import damaged
from ctm.errors import InvalidInput
from ctm.i18n import _l

NAMES = ("credentials", "session", "tracking")
SHORTEST = 12
LARGEST = 16 * 1024


def collect(folder: Path) -> dict[str, bytes]:
    """The keys in a folder of secrets; names that are missing are left out."""
    found = {}
    for name in NAMES:
        path = folder / name
        if path.is_file():
            found[name] = path.read_bytes().strip()
    return found


def fingerprints(keys: Mapping[str, bytes]) -> dict[str, str]:
    """What tells two keys apart without telling them."""
    return {name: hashlib.sha256(b"ctm " + value).hexdigest() for name, value in keys.items()}


def check_passphrase(passphrase: str) -> None:
    """
    :raises InvalidInput: too short to protect anything.
    """
    if passphrase and len(passphrase) < SHORTEST:
        raise InvalidInput(
            _l("The backup's passphrase needs at least %(n)s characters.", n=SHORTEST)
        )


def seal(keys: Mapping[str, bytes], passphrase: str) -> bytes:
    salt = os.urandom(16)
    plain = json.dumps({name: value.decode() for name, value in keys.items()}).encode()
    token = _box(passphrase, salt).encrypt(plain)
    return json.dumps({"salt": salt.hex(), "token": token.decode()}).encode()


def unseal(data: bytes, passphrase: str) -> dict[str, bytes]:
    """
    :raises InvalidInput: the passphrase is another, or the member is damaged.
    """
    try:
        raw = json.loads(data[:LARGEST])
        box = _box(passphrase, bytes.fromhex(raw["salt"]))
        keys = json.loads(box.decrypt(raw["token"].encode()))
        return {name: str(keys[name]).encode() for name in NAMES if name in keys}
    except InvalidToken:
        raise InvalidInput(
            _l("The keys in this backup are sealed with another passphrase.")
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(f"keys.sealed: {type(error).__name__}") from None


def _box(passphrase: str, salt: bytes) -> Fernet:
    derive = Scrypt(salt=salt, length=32, n=2**15, r=8, p=1)
    return Fernet(base64.urlsafe_b64encode(derive.derive(passphrase.encode())))
