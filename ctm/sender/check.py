"""Checking a sender: one domain, four parts, what is found and what to write into the zone."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from ctm.sender import dmarc, keys, spf
from ctm.sender.report import ADVICE, OK, PROBLEM, UNKNOWN, Finding, Report
from ctm.sender.resolver import LookupFailed, Resolver

# What providers ask their customers to include; a domain at the provider itself has it already.
INCLUDES = {
    "gmail": "_spf.google.com",
    "google_workspace": "_spf.google.com",
    "aruba": "_spf.aruba.it",
    "aruba_paid": "_spf.aruba.it",
    "office365": "spf.protection.outlook.com",
}
# Domains whose zone belongs to a provider of mailboxes, and the providers that send for them.
MAILBOXES: dict[str, tuple[str, ...]] = {
    "gmail.com": ("gmail",),
    "googlemail.com": ("gmail",),
    "outlook.com": ("office365",),
    "outlook.it": ("office365",),
    "hotmail.com": ("office365",),
    "hotmail.it": ("office365",),
    "live.com": ("office365",),
    "live.it": ("office365",),
    "msn.com": ("office365",),
    "yahoo.com": ("yahoo",),
    "yahoo.it": ("yahoo",),
    "ymail.com": ("yahoo",),
    "aruba.it": ("aruba", "aruba_paid"),
    "pec.it": ("aruba_pec",),
    "legalmail.it": ("legalmail",),
    "libero.it": (),
    "virgilio.it": (),
    "tiscali.it": (),
    "tin.it": (),
    "alice.it": (),
    "icloud.com": (),
    "gmx.com": (),
    "gmx.de": (),
    "proton.me": (),
}


@dataclass(frozen=True)
class Sender:
    """Who is checked: the from-domain, the account's provider and server, its DKIM selector."""

    domain: str
    provider: str = "custom"
    host: str = ""
    selector: str = ""


def domain_of(address: str) -> str:
    """The domain of an address, as DNS has it; empty if there is none."""
    domain = address.rpartition("@")[2].strip().rstrip(".").lower()
    try:
        return domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        return ""


def check(sender: Sender, resolver: Resolver, step: Callable[[], None] = lambda: None) -> Report:
    """Ask DNS about the sender; ``step`` is called after each of the four parts."""
    findings: list[Finding] = []
    if sender.domain in MAILBOXES:
        findings.append(_mailbox(sender))
    for part, look in (("spf", _spf), ("dkim", _dkim), ("dmarc", _dmarc), ("mx", _mx)):
        try:
            findings += look(sender, resolver)
        except LookupFailed as error:
            values = {"name": error.name or sender.domain}
            findings.append(Finding(part, UNKNOWN, f"lookup_{error.kind}", values))
        step()
    if sender.domain in MAILBOXES:
        findings = [_not_ours(finding) for finding in findings]
    return Report(sender.domain, tuple(findings))


def _mailbox(sender: Sender) -> Finding:
    values = {"domain": sender.domain}
    if sender.provider in MAILBOXES[sender.domain] or sender.host.endswith(f".{sender.domain}"):
        return Finding("domain", ADVICE, "mailbox_domain", values)
    return Finding("domain", PROBLEM, "mailbox_elsewhere", values)


def _not_ours(finding: Finding) -> Finding:
    """A provider's own zone: nothing the office could write there."""
    if finding.part == "domain":
        return finding
    level = ADVICE if finding.level == PROBLEM else finding.level
    return Finding(finding.part, level, finding.code, finding.values, finding.found)


# -- SPF --------------------------------------------------------------------------------------


def _spf(sender: Sender, resolver: Resolver) -> list[Finding]:
    found = sorted(spf.records(resolver.texts(sender.domain)))
    values = {"domain": sender.domain}
    wanted = f"include:{INCLUDES[sender.provider]}" if sender.provider in INCLUDES else ""
    if not found:
        term = wanted or _term_for(sender.host)
        write = ("@", "TXT", f"v=spf1 {term} ~all")
        return [Finding("spf", PROBLEM, "spf_missing", values, write=write)]
    shown = " · ".join(found)
    if len(found) > 1:
        write = ("@", "TXT", spf.merged(found, wanted))
        return [
            Finding(
                "spf", PROBLEM, "spf_several", {**values, "count": str(len(found))}, shown, write
            )
        ]
    try:
        read = spf.read(sender.domain, found[0], resolver)
    except spf.Broken as error:
        values |= {"at": error.at}
        return [Finding("spf", PROBLEM, f"spf_{error.code}", values, shown)]
    findings = _spf_advice(sender, resolver, read, found[0], wanted)
    summary = {**values, "lookups": str(read.lookups)}
    level = OK if all(each.level != PROBLEM for each in findings) else ""
    good = [Finding("spf", OK, "spf_ok", summary, shown)] if level else []
    return good + findings


def _term_for(host: str) -> str:
    """How a record names a server that is not known by its provider."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"a:{host}" if host else "mx"
    return f"ip{address.version}:{address}" if address.is_global else "mx"


def _spf_advice(
    sender: Sender, resolver: Resolver, read: spf.Spf, record: str, wanted: str
) -> list[Finding]:
    values = {"domain": sender.domain, "host": sender.host}
    found: list[Finding] = []
    if read.all == "+":
        write = ("@", "TXT", spf.merged([record], wanted))
        found.append(Finding("spf", PROBLEM, "spf_plus_all", values, record, write))
    elif read.all in {"", "?"}:
        write = ("@", "TXT", spf.merged([record], wanted))
        found.append(Finding("spf", ADVICE, "spf_no_all", values, record, write))
    if wanted and INCLUDES[sender.provider] not in read.includes:
        write = ("@", "TXT", _inserted(record, wanted))
        detail = {**values, "term": wanted}
        found.append(Finding("spf", PROBLEM, "spf_not_included", detail, record, write))
    elif not wanted and sender.host:
        found += _own_server(sender, resolver, read)
    if read.uses_ptr:
        found.append(Finding("spf", ADVICE, "spf_ptr", values, record))
    if read.lookups >= spf.MOST_LOOKUPS - 1:
        detail = {**values, "lookups": str(read.lookups)}
        found.append(Finding("spf", ADVICE, "spf_nearly_too_many", detail, record))
    return found


def _own_server(sender: Sender, resolver: Resolver, read: spf.Spf) -> list[Finding]:
    """Whether the record covers the account's server, as far as its name can tell."""
    host, domain = sender.host, sender.domain
    if read.uses_macros or host in read.names:
        return []
    if any(each.endswith(_last_two(host)) for each in read.includes):
        return []
    try:
        addresses = resolver.addresses(host)
    except LookupFailed:
        return []
    if not addresses or any(read.allows(address) for address in addresses):
        return []
    return [Finding("spf", ADVICE, "spf_server_not_seen", {"domain": domain, "host": host})]


def _last_two(host: str) -> str:
    return ".".join(host.split(".")[-2:])


def _inserted(record: str, term: str) -> str:
    """``record`` with ``term`` before its ``all``."""
    words = record.split()
    places = [n for n, word in enumerate(words) if word.lower().lstrip("+?~-") == "all"]
    words.insert(places[0] if places else len(words), term)
    return " ".join(words)


# -- DKIM, DMARC, MX --------------------------------------------------------------------------


def _dkim(sender: Sender, resolver: Resolver) -> list[Finding]:
    names = keys.selectors(sender.selector, sender.provider)
    found = keys.find(sender.domain, names, resolver)
    values = {"domain": sender.domain, "selector": sender.selector}
    if not found:
        if sender.selector:
            return [Finding("dkim", PROBLEM, "dkim_missing", values)]
        return [Finding("dkim", ADVICE, "dkim_not_found", values)]
    key = found[0]
    values |= {"selector": key.selector, "bits": str(key.bits)}
    level = {"ok": OK, "short": ADVICE, "testing": ADVICE}.get(key.state, PROBLEM)
    return [Finding("dkim", level, f"dkim_{key.state}", values, key.record)]


def _dmarc(sender: Sender, resolver: Resolver) -> list[Finding]:
    found = dmarc.read(sender.domain, resolver)
    values = {"domain": found.at or sender.domain, "policy": found.policy}
    reports = f"rua=mailto:postmaster@{sender.domain}"
    if found.state == "missing":
        write = ("_dmarc", "TXT", f"v=DMARC1; p=none; {reports}")
        return [Finding("dmarc", PROBLEM, "dmarc_missing", values, write=write)]
    if found.state != "ok":
        write = ("_dmarc", "TXT", f"v=DMARC1; p=none; {reports}")
        return [Finding("dmarc", PROBLEM, f"dmarc_{found.state}", values, found.record, write)]
    findings = [Finding("dmarc", OK, "dmarc_ok", values, found.record)]
    if found.policy == "none":
        findings = [Finding("dmarc", ADVICE, "dmarc_none", values, found.record)]
    if not found.reports:
        record = found.record.rstrip("; ")
        write = ("_dmarc", "TXT", f"{record}; {reports}")
        findings.append(Finding("dmarc", ADVICE, "dmarc_no_reports", values, found.record, write))
    for stranger in found.strangers:
        write = (f"{found.at}._report._dmarc.{stranger}.", "TXT", "v=DMARC1")
        detail = {**values, "target": stranger}
        findings.append(Finding("dmarc", ADVICE, "dmarc_stranger", detail, "", write))
    if found.part < 100 and found.policy != "none":
        detail = {**values, "part": str(found.part)}
        findings.append(Finding("dmarc", ADVICE, "dmarc_part", detail, found.record))
    return findings


def _mx(sender: Sender, resolver: Resolver) -> list[Finding]:
    values = {"domain": sender.domain}
    hosts = resolver.mail_servers(sender.domain)
    shown = ", ".join(host or "." for host in hosts[:10])
    if hosts == [""]:
        return [Finding("mx", PROBLEM, "mx_null", values, shown)]
    if not hosts:
        if resolver.addresses(sender.domain):
            return [Finding("mx", ADVICE, "mx_address_only", values)]
        return [Finding("mx", PROBLEM, "mx_missing", values)]
    for host in hosts[:5]:
        if host and resolver.addresses(host):
            return [Finding("mx", OK, "mx_ok", {**values, "host": host}, shown)]
    return [Finding("mx", PROBLEM, "mx_dead", {**values, "host": hosts[0]}, shown)]
