"""Asking DNS, with bounds: how long, how often, and what an answer may do.

Zones are other people's: they may loop, hang, lie and send garbage. A lookup returns what is
there (nothing, if the name does not exist), or raises :class:`LookupFailed`.
"""

import time
from collections.abc import Callable
from typing import Any

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

STEP_SECONDS = 4.0
TOTAL_SECONDS = 40.0
MOST_LOOKUPS = 120
LONGEST_TEXT = 8000


class LookupFailed(Exception):
    """``kind``: ``timeout``, ``refused`` (the server cannot or will not say), ``garbage``,
    ``name`` (nothing that can be asked for), ``too_much`` (the bounds are used up)."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind}: {name}")
        self.kind = kind
        self.name = name


class Resolver:
    """A name server (the system's, if none is given) and the bounds of one check."""

    def __init__(
        self,
        nameserver: str = "",
        port: int = 53,
        step: float = STEP_SECONDS,
        total: float = TOTAL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=not nameserver)
        except dns.resolver.NoResolverConfiguration:
            raise LookupFailed("refused", "") from None
        if nameserver:
            self._resolver.nameservers = [nameserver]
            self._resolver.port = port
        self._resolver.timeout = step / 2
        self._step = step
        self._clock = clock
        self._end = clock() + total
        self._left = MOST_LOOKUPS
        self._known: dict[tuple[str, str], list[Any]] = {}

    def texts(self, name: str) -> list[str]:
        """The TXT records, each with its parts joined, without control characters."""
        found = []
        for record in self._ask(name, "TXT"):
            text = b"".join(record.strings).decode("utf-8", "replace")[:LONGEST_TEXT]
            found.append("".join(sign if sign.isprintable() else "\ufffd" for sign in text))
        return found

    def mail_servers(self, name: str) -> list[str]:
        """The MX hosts, the preferred first; ``[""]`` for a null MX (RFC 7505)."""
        records = sorted(self._ask(name, "MX"), key=lambda record: int(record.preference))
        return [_text(record.exchange) for record in records]

    def addresses(self, name: str) -> list[str]:
        """The IPv4 and IPv6 addresses."""
        return [str(record.address) for kind in ("A", "AAAA") for record in self._ask(name, kind)]

    def _ask(self, name: str, kind: str) -> list[Any]:
        key = (name.lower().rstrip("."), kind)
        if key not in self._known:
            self._known[key] = self._query(name, kind)
        return self._known[key]

    def _query(self, name: str, kind: str) -> list[Any]:
        seconds = min(self._step, self._end - self._clock())
        if seconds <= 0 or not self._left:
            raise LookupFailed("too_much", name)
        self._left -= 1
        try:
            answer = self._resolver.resolve(
                name, kind, lifetime=seconds, search=False, raise_on_no_answer=False
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.resolver.LifetimeTimeout:
            raise LookupFailed("timeout", name) from None
        except dns.resolver.NoNameservers:
            raise LookupFailed("refused", name) from None
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, UnicodeError):
            raise LookupFailed("name", name) from None
        except (dns.exception.DNSException, OSError, ValueError):
            raise LookupFailed("garbage", name) from None
        wanted = dns.rdatatype.from_text(kind)
        return [record for record in answer if record.rdtype == wanted]


def _text(name: dns.name.Name) -> str:
    return str(name.to_text(omit_final_dot=True)).removesuffix(".").lower()
