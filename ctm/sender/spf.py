"""SPF (RFC 7208): read a domain's record and all it includes, count what a receiver would.

A receiver gives up after ten lookups, after two that find nothing, and over any record it cannot
read: then the record counts for nothing. That is what is looked for here.
"""

import ipaddress
import re
from dataclasses import dataclass, field

from ctm.sender.resolver import LookupFailed, Resolver

MOST_LOOKUPS = 10
MOST_VOID = 2
MOST_TERMS = 200
TERM = re.compile(r"([+?~-]?)([a-z][a-z0-9]*)(?::([^\s/]+))?(/\d{1,3})?(//\d{1,3})?", re.I)
MODIFIER = re.compile(r"([a-z][a-z0-9._-]*)=(\S*)", re.I)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Broken(Exception):
    """A receiver stops reading here. ``code``: ``syntax``, ``loop``, ``too_many``, ``void``,
    ``include_missing``, ``several_inside``; ``at`` names the term or the domain."""

    def __init__(self, code: str, at: str) -> None:
        super().__init__(f"{code}: {at}")
        self.code = code
        self.at = at


@dataclass
class Spf:
    """What a record allows. ``all`` is the qualifier of its last word: ``-``, ``~``, ``?``, ``+``,
    or empty if it has none."""

    lookups: int = 0
    voids: int = 0
    all: str = ""
    includes: set[str] = field(default_factory=set)
    networks: list[Network] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    uses_ptr: bool = False
    uses_macros: bool = False

    def allows(self, address: str) -> bool:
        ip = ipaddress.ip_address(address)
        return any(ip in network for network in self.networks)


def records(texts: list[str]) -> list[str]:
    """Those of a domain's TXT records that are SPF."""
    return [text for text in texts if re.match(r"v=spf1( |$)", text, re.I)]


def read(domain: str, record: str, resolver: Resolver) -> Spf:
    """Follow a record to its end.

    :raises Broken: where a receiver would give up.
    :raises LookupFailed: DNS does not answer, so it cannot be said.
    """
    found = Spf()
    _follow(found, domain, record, resolver, (domain.lower(),))
    return found


def _follow(
    found: Spf, domain: str, record: str, resolver: Resolver, path: tuple[str, ...]
) -> None:
    redirect = ""
    words = record.split()[1:]
    if len(words) > MOST_TERMS:
        raise Broken("syntax", record[:60])
    has_all = False
    for word in words:
        modifier = MODIFIER.fullmatch(word)
        if modifier:
            if modifier[1].lower() == "redirect":
                redirect = modifier[2]
            continue
        qualifier, name, value, bits = _term(word)
        if name == "all":
            has_all = True
            found.all = qualifier or "+"
            break
        _mechanism(found, domain, resolver, path, (qualifier, name, value, bits))
    if redirect and not has_all:
        _count(found, redirect)
        sub = Spf(found.lookups, found.voids)
        _enter(sub, redirect, resolver, path)
        found.all = sub.all
        found.lookups, found.voids = sub.lookups, sub.voids
        found.includes |= sub.includes | {redirect.lower()}
        found.networks += sub.networks


def _term(word: str) -> tuple[str, str, str, str]:
    match = TERM.fullmatch(word)
    if match is None:
        raise Broken("syntax", word[:60])
    return match[1], match[2].lower(), match[3] or "", match[4] or ""


def _mechanism(
    found: Spf,
    domain: str,
    resolver: Resolver,
    path: tuple[str, ...],
    term: tuple[str, str, str, str],
) -> None:
    qualifier, name, value, bits = term
    passes = qualifier in {"", "+"}
    if name in {"ip4", "ip6"}:
        try:
            network = ipaddress.ip_network(f"{value}{bits}", strict=False)
        except ValueError:
            raise Broken("syntax", f"{name}:{value}{bits}"[:60]) from None
        if network.version != int(name[2]):
            raise Broken("syntax", f"{name}:{value}{bits}"[:60])
        if passes:
            found.networks.append(network)
        return
    if name not in {"a", "mx", "ptr", "include", "exists"}:
        raise Broken("syntax", name)
    target = value or domain
    if name in {"include", "exists"} and not value:
        raise Broken("syntax", name)
    _count(found, target)
    if "%" in target:
        found.uses_macros = True
    elif name == "ptr":
        found.uses_ptr = True
    elif name == "include":
        found.includes.add(target.lower().rstrip("."))
        before = found.all
        _enter(found, target, resolver, path)
        found.all = before
    elif name != "exists":
        found.names.add(target.lower().rstrip("."))
        _addresses(found, name, target, bits, resolver, passes)


def _count(found: Spf, at: str) -> None:
    found.lookups += 1
    if found.lookups > MOST_LOOKUPS:
        raise Broken("too_many", at)


def _enter(found: Spf, target: str, resolver: Resolver, path: tuple[str, ...]) -> None:
    """The record of an included domain, or of one redirected to."""
    name = target.lower().rstrip(".")
    if name in path:
        raise Broken("loop", name)
    inner = records(_texts(found, name, resolver))
    if not inner:
        raise Broken("include_missing", name)
    if len(inner) > 1:
        raise Broken("several_inside", name)
    _follow(found, name, inner[0], resolver, (*path, name))


def _texts(found: Spf, name: str, resolver: Resolver) -> list[str]:
    try:
        texts = resolver.texts(name)
    except LookupFailed as error:
        if error.kind == "name":
            raise Broken("syntax", name[:60]) from None
        raise
    if not texts:
        _void(found, name)
    return texts


def _void(found: Spf, name: str) -> None:
    found.voids += 1
    if found.voids > MOST_VOID:
        raise Broken("void", name)


def _addresses(
    found: Spf, kind: str, target: str, bits: str, resolver: Resolver, passes: bool
) -> None:
    hosts = resolver.mail_servers(target)[:10] if kind == "mx" else [target]
    addresses = [each for host in hosts if host for each in resolver.addresses(host)]
    if not addresses:
        _void(found, target)
    for address in addresses if passes else []:
        version = ipaddress.ip_address(address).version
        length = bits if version == 4 else ""
        try:
            found.networks.append(ipaddress.ip_network(f"{address}{length}", strict=False))
        except ValueError:
            raise Broken("syntax", f"{kind}{bits}") from None


def merged(several: list[str], wanted: str = "") -> str:
    """One record that says what ``several`` say, and ``wanted`` (a term) before its end."""
    terms: list[str] = [wanted] if wanted else []
    last = ""
    order = {"-all": 1, "~all": 2}
    for record in several:
        for word in record.split()[1:]:
            if word.lower().lstrip("+?~-") == "all":
                last = max(last, word.lower(), key=lambda each: order.get(each, 0))
            elif word.lower() not in {term.lower() for term in terms}:
                terms.append(word)
    return " ".join(["v=spf1", *terms, last if last in order else "~all"])
