"""What is found, in the user's words: what it means, and what to do."""

from flask_babel import LazyString

from ctm.i18n import _l
from ctm.sender.report import Finding

PARTS = {"domain": _l("Domain"), "spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC", "mx": "MX"}
MEANING = {
    "spf": _l("names the servers that may send mail for the domain"),
    "dkim": _l("lets receivers check that a mail was signed by the domain and not changed"),
    "dmarc": _l("tells receivers what to do with mail that passes neither"),
    "mx": _l("names the servers that take mail for the domain: answers and bounces come there"),
}
LEVELS = {
    "ok": _l("in order"),
    "advice": _l("advice"),
    "problem": _l("problem"),
    "unknown": _l("could not be asked"),
}

WORDS: dict[str, tuple[LazyString, LazyString | None]] = {
    "mailbox_domain": (
        _l("%(domain)s belongs to a provider of mailboxes: its DNS is the provider's."),
        _l("For mailings in the office's name use an address at a domain of your own."),
    ),
    "mailbox_elsewhere": (
        _l(
            "%(domain)s belongs to a provider of mailboxes, but this account sends through "
            "another server: most receivers refuse such mail or file it as spam."
        ),
        _l("Send through that provider's own server, or use an address at your own domain."),
    ),
    "lookup_timeout": (
        _l("DNS did not answer in time when asked for %(name)s."),
        _l("Check this machine's network and try again; if it stays so, tell who runs the DNS."),
    ),
    "lookup_refused": (
        _l("The name servers could not answer for %(name)s."),
        _l("Try again later; if it stays so, the domain's DNS is broken: tell who runs it."),
    ),
    "lookup_garbage": (
        _l("The answer for %(name)s could not be read."),
        _l("Try again later; if it stays so, the domain's DNS is broken: tell who runs it."),
    ),
    "lookup_name": (
        _l("%(name)s is no name that can be asked for."),
        _l("Check the spelling of the from address."),
    ),
    "lookup_too_much": (
        _l(
            "The check was stopped at %(name)s: it would have taken too many questions or too long."
        ),
        _l("Try again; if it stays so, the domain's records lead too far: simplify them."),
    ),
    "spf_ok": (_l("The record is valid; receivers need %(lookups)s of 10 lookups for it."), None),
    "spf_missing": (
        _l("%(domain)s does not say who may send its mail; many receivers file it as spam."),
        _l("Write this record into the domain's zone, or ask your provider for theirs."),
    ),
    "spf_several": (
        _l("There are %(count)s SPF records; with more than one, receivers believe none."),
        _l("Put this one in place of all of them."),
    ),
    "spf_syntax": (
        _l("The record cannot be read at “%(at)s”; receivers then ignore all of it."),
        _l("Correct this word, or take it out."),
    ),
    "spf_loop": (
        _l("The record leads back to itself through %(at)s; receivers then ignore all of it."),
        _l("Take out the include that leads there."),
    ),
    "spf_too_many": (
        _l("The record needs more than 10 lookups (at %(at)s); receivers then ignore all of it."),
        _l("Take out includes of services you no longer use, or name their addresses directly."),
    ),
    "spf_void": (
        _l("More than two names of the record do not exist (the last: %(at)s)."),
        _l("Take the names that no longer exist out of the record."),
    ),
    "spf_include_missing": (
        _l("The record includes %(at)s, which has no SPF record; receivers then ignore all of it."),
        _l("Take this include out, or correct its spelling."),
    ),
    "spf_several_inside": (
        _l(
            "The record includes %(at)s, which has several SPF records; receivers ignore all of it."
        ),
        _l("Take this include out, or tell who runs %(at)s."),
    ),
    "spf_plus_all": (
        _l("The record ends in “+all”: it lets everybody in the world send as %(domain)s."),
        _l("Let it end in “~all”."),
    ),
    "spf_no_all": (
        _l("The record does not say what holds for other servers, so it protects little."),
        _l("Let it end in “~all”."),
    ),
    "spf_not_included": (
        _l("The record does not name this account's provider; its mail counts as not allowed."),
        _l("Put “%(term)s” into the record."),
    ),
    "spf_server_not_seen": (
        _l("The record does not seem to name the account's server %(host)s."),
        _l(
            "Ask the provider what belongs into SPF; its sending servers may have other names. "
            "Look at a received test mail: there should stand spf=pass."
        ),
    ),
    "spf_ptr": (
        _l("The record uses “ptr”, which is slow and which many receivers ignore."),
        _l("Name the servers by “ip4”, “a” or “include”."),
    ),
    "spf_nearly_too_many": (
        _l("The record needs %(lookups)s of at most 10 lookups: one more service breaks it."),
        _l("Take out what you no longer use."),
    ),
    "dkim_ok": (_l("There is a good key under the selector “%(selector)s”."), None),
    "dkim_missing": (
        _l("There is no key under the selector “%(selector)s”."),
        _l("Turn DKIM on at the provider and write the record it shows; or correct the selector."),
    ),
    "dkim_not_found": (
        _l("No key was found under the usual selectors; Gmail and Yahoo want mailings signed."),
        _l(
            "Turn DKIM on at the provider and write the record it shows into the zone. If it is on "
            "already, enter its selector in the account: it stands as s= in a received mail's "
            "DKIM-Signature."
        ),
    ),
    "dkim_short": (
        _l("The key under “%(selector)s” has %(bits)s bits: it works, but is old."),
        _l("Ask the provider for a key of 2048 bits."),
    ),
    "dkim_weak": (
        _l("The key under “%(selector)s” has only %(bits)s bits: receivers ignore it."),
        _l("Ask the provider for a key of 2048 bits."),
    ),
    "dkim_revoked": (
        _l("The key under “%(selector)s” is empty, that is withdrawn."),
        _l("Make a new key at the provider and write the record it shows."),
    ),
    "dkim_testing": (
        _l("The key under “%(selector)s” is marked as a test: receivers may ignore it."),
        _l("Take “t=y” out of the record."),
    ),
    "dkim_unreadable": (
        _l("The record under “%(selector)s” holds no key that can be read."),
        _l("Copy the record from the provider again, whole."),
    ),
    "dkim_several": (
        _l("There are several records under “%(selector)s”; receivers cannot tell which holds."),
        _l("Leave only the one the provider shows."),
    ),
    "dmarc_ok": (_l("%(domain)s has the policy “%(policy)s”."), None),
    "dmarc_missing": (
        _l("%(domain)s has no DMARC record; Gmail and Yahoo want one from who sends many mails."),
        _l("Write this record; it only asks for reports. postmaster@ must be read by somebody."),
    ),
    "dmarc_several": (
        _l("%(domain)s has several DMARC records; receivers then believe none."),
        _l("Leave one of them."),
    ),
    "dmarc_unreadable": (
        _l("The DMARC record of %(domain)s has no valid policy (p=)."),
        _l("Put this one in its place."),
    ),
    "dmarc_none": (
        _l("The policy of %(domain)s is “none”: it watches, but stops nobody who forges mails."),
        _l("When the reports show that your own mail passes, change it to p=quarantine."),
    ),
    "dmarc_no_reports": (
        _l("Nobody gets the reports about forged and failing mail."),
        _l("Add an address for reports (rua)."),
    ),
    "dmarc_stranger": (
        _l("The reports go to %(target)s, which has not agreed to take them."),
        _l("%(target)s must have this record, or the reports are not sent."),
    ),
    "dmarc_part": (
        _l("The policy holds for only %(part)s in a hundred mails."),
        _l("When all is well, take “pct” out of the record."),
    ),
    "mx_ok": (_l("Mail for %(domain)s goes to %(host)s."), None),
    "mx_null": (
        _l("%(domain)s says that it takes no mail: answers and bounces come back to nobody."),
        _l("Send from an address that can be answered, or mend the domain's MX record."),
    ),
    "mx_missing": (
        _l("%(domain)s has no mail server: answers get lost, and many receivers refuse its mail."),
        _l("Check the spelling of the from address; else write the MX record of your mailboxes."),
    ),
    "mx_address_only": (
        _l("%(domain)s has no MX record; mail goes to the server of its website, if it takes any."),
        _l("Write the MX record of your mailboxes."),
    ),
    "mx_dead": (
        _l("The mail server %(host)s of %(domain)s does not exist."),
        _l("Correct the MX record."),
    ),
}


def says(finding: Finding) -> str:
    """What was found and what it means."""
    words = WORDS.get(finding.code)
    return str(words[0]) % finding.values if words else finding.code


def next_step(finding: Finding) -> str:
    """What to do; empty if nothing."""
    words = WORDS.get(finding.code)
    return str(words[1]) % finding.values if words and words[1] is not None else ""
