"""Telling machines' requests from people's (X5). Each rule has a name, kept with the hit.

``head``: only a machine asks for the headers alone. ``no_agent``, ``agent``: no user agent, or that
of a scanner, a prefetching proxy, a program. ``network``: an address of a known mail proxy.
``too_soon``: within seconds of the delivery, or before it is written down: no person is so fast.
``all_links``: many links of one mail at once. Google's image proxy fetches a picture when a
person opens the mail, so it counts as a person, unless it comes too soon. Outlook on Windows calls
itself ``Microsoft Outlook …; ms-office``: a person. ``ms-office`` alone looks ahead by itself.
"""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address, ip_network

TOO_SOON = timedelta(seconds=5)
AT_ONCE = timedelta(seconds=2)
MANY_LINKS = 3
ALL_LINKS = "all_links"

_AGENTS = re.compile(
    r"\b(?:curl|wget|python|java|okhttp|go-http-client|libwww|httpclient|axios|node-fetch|guzzle)\b"
    r"|bot\b|crawler|spider|slurp|headless|phantomjs|scanner|preview|barracuda|proofpoint|mimecast"
    r"|symantec|messagelabs|forcepoint|trendmicro|fireeye|cisco|ironport|sophos|bitdefender"
    r"|safelinks|\(compatible; ms-office|microsoft office (?:existence|protocol)|outlook-protection"
    r"|yahoomailproxy|zoominfo",
    re.I,
)
_PREFETCH = "Mozilla/5.0"
_NETWORKS = tuple(
    ip_network(each)
    for each in (
        "17.0.0.0/8",  # Apple Mail Privacy Protection
        "40.92.0.0/15",  # Microsoft Exchange Online Protection
        "40.107.0.0/16",
        "52.100.0.0/14",
        "104.47.0.0/17",
        "64.235.144.0/20",  # Barracuda
        "67.231.144.0/20",  # Proofpoint
        "148.163.128.0/19",
        "205.139.110.0/24",  # Mimecast
        "207.211.30.0/24",
    )
)


def reason(
    method: str,
    user_agent: str,
    ip: str,
    at: datetime,
    sent_at: datetime | None,
    practice: bool = False,
) -> str:
    """Why a request is held to be a machine's; empty for a person's.

    On the ``practice`` mailbox a person opens the mail at once: the clock does not speak there.
    """
    if method == "HEAD":
        return "head"
    agent = _of_agent(user_agent)
    if agent:
        return agent
    if _known_network(ip):
        return "network"
    if sent_at is not None and not practice and at - sent_at < TOO_SOON:
        return "too_soon"
    return ""


@lru_cache(4096)
def _of_agent(user_agent: str) -> str:
    if not user_agent.strip():
        return "no_agent"
    found = user_agent.strip() == _PREFETCH or _AGENTS.search(user_agent)
    return "agent" if found else ""


@lru_cache(4096)
def _known_network(ip: str) -> bool:
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    return any(address in network for network in _NETWORKS if network.version == address.version)
