"""Which machines CTM connects to.

Whoever types a mail server's name could otherwise make CTM talk to the office's own machines.
Names are resolved here once, and connections go to the addresses that were checked.
"""

import ipaddress
import re
import socket
from typing import Any

from ctm.errors import InvalidInput, Unavailable
from ctm.i18n import _l

NAME = re.compile(
    r"(?=.{1,253}\Z)[0-9a-z_]([0-9a-z_-]{0,61}[0-9a-z])?(\.[0-9a-z_-]{1,63})*\.?", re.I
)
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def clean_host(text: str) -> str:
    """A server's name or address as it is stored.

    :raises InvalidInput: it cannot be one.
    """
    host = text.strip().rstrip(".").lower()
    if not host:
        raise InvalidInput(_l("The server's name is needed, like smtp.example.com."), "host")
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        host = ""
    if not NAME.fullmatch(host):
        raise InvalidInput(
            _l("“%(host)s” is not a server's name. Write it like smtp.example.com.", host=text),
            "host",
        )
    return host


def clean_port(value: object) -> int:
    """
    :raises InvalidInput: not a whole number from 1 to 65535.
    """
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= 65535:
        raise InvalidInput(_l("The port is a number from 1 to 65535, usually 465 or 587."), "port")
    return int(text)


def check_host(host: str, allow_private: bool) -> None:
    """Refuse a private address as soon as it is typed; names are judged when resolved.

    :raises InvalidInput: an address nobody may connect to.
    """
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        found = []
    texts = [str(entry[4][0]) for entry in found]
    if host == "localhost" or host.endswith(".localhost"):
        texts = ["127.0.0.1"]
    if not all(_allowed(text, allow_private) for text in texts):
        raise _private(host)


def resolve_public(host: str, port: int, allow_private: bool) -> list[tuple[Any, ...]]:
    """The socket addresses of a server that CTM may connect to.

    However a private address is written (127.1, 2130706433, ::ffff:10.0.0.1, a name that
    leads there), it is judged after resolving.

    :raises InvalidInput: the name cannot be one, or leads to private addresses only.
    :raises Unavailable: the name is unknown, or no name server answers.
    """
    host = clean_host(host)
    try:
        found = socket.getaddrinfo(host, clean_port(port), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        if getattr(error, "errno", None) == socket.EAI_AGAIN:
            raise Unavailable(
                _l("No name server answers for “%(host)s”. Is this machine online?", host=host)
            ) from None
        raise Unavailable(
            _l("There is no server called “%(host)s”. Check how it is spelled.", host=host)
        ) from None
    usable = [entry[4] for entry in found if _allowed(str(entry[4][0]), allow_private)]
    if not usable:
        raise _private(host)
    return list(dict.fromkeys(usable))


def _allowed(text: str, allow_private: bool) -> bool:
    address = _inner(ipaddress.ip_address(text.partition("%")[0]))
    if address.is_multicast or address.is_unspecified:
        return False
    return allow_private or address.is_global


def _inner(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour or address
    if address.teredo:
        return address.teredo[1]
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _private(host: str) -> InvalidInput:
    return InvalidInput(
        _l(
            "“%(host)s” is an address of this machine or of a private network. Mail servers "
            "there must be allowed by the installation (CTM_ALLOW_PRIVATE_HOSTS).",
            host=host,
        ),
        "host",
    )
