"""DMARC (RFC 7489): a domain's policy, its own or its parent's."""

import re
from dataclasses import dataclass

from ctm.sender.keys import tags
from ctm.sender.resolver import LookupFailed, Resolver

MOST_LEVELS = 8
REPORT = re.compile(r"mailto:([^@\s,!]+)@([a-z0-9.-]+\.[a-z0-9-]+)(![0-9]+[kmgt]?)?", re.I)


@dataclass(frozen=True)
class Policy:
    """``state``: ``ok``, ``missing``, ``several``, ``unreadable``; ``at`` is the domain that has
    the record. ``strangers``: report domains that did not agree to get them."""

    state: str
    at: str = ""
    record: str = ""
    policy: str = ""
    reports: bool = False
    part: int = 100
    strangers: tuple[str, ...] = ()


def read(domain: str, resolver: Resolver) -> Policy:
    """
    :raises LookupFailed: DNS does not answer.
    """
    labels = domain.split(".")
    for start in range(min(len(labels) - 1, MOST_LEVELS)):
        at = ".".join(labels[start:])
        found = [
            text
            for text in resolver.texts(f"_dmarc.{at}")
            if re.match(r"v\s*=\s*DMARC1\s*(;|$)", text)
        ]
        if len(found) > 1:
            return Policy("several", at, found[0])
        if found:
            return _judge(found[0], at, domain, resolver)
    return Policy("missing")


def _judge(record: str, at: str, domain: str, resolver: Resolver) -> Policy:
    values = tags(record)
    policy = values.get("p", "").lower()
    if at != domain:
        policy = values.get("sp", policy).lower()
    if policy not in {"none", "quarantine", "reject"}:
        return Policy("unreadable", at, record)
    targets = [REPORT.fullmatch(each.strip()) for each in values.get("rua", "").split(",")]
    domains = {match[2].lower() for match in targets if match}
    return Policy(
        "ok",
        at,
        record,
        policy,
        bool(domains),
        _part(values.get("pct", "100")),
        tuple(sorted(each for each in domains if not _agrees(each, at, resolver))),
    )


def _part(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{1,3}", text) and int(text) <= 100 else 100


def _agrees(target: str, at: str, resolver: Resolver) -> bool:
    """Whether another domain takes reports about this one (RFC 7489, 7.1)."""
    if target == at or target.endswith(f".{at}") or at.endswith(f".{target}"):
        return True
    try:
        texts = resolver.texts(f"{at}._report._dmarc.{target}")
    except LookupFailed:
        return True  # not known: no reason to worry anybody
    return any(text.startswith("v=DMARC1") for text in texts)
