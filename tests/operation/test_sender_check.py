"""X7, the sender check, against a real name server that may be slow, broken or hostile."""

import base64
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask

from ctm.sender import report, spf, words
from ctm.sender.check import Sender, check, domain_of
from ctm.sender.report import Report
from ctm.sender.resolver import Resolver
from tests.operation.dns_server import Zone, closed_port, name_server, txt


def public(bits: int) -> str:
    """An RSA key of so many bits as DKIM writes it; small ones are made by hand."""
    if bits >= 1024:
        key = rsa.generate_private_key(65537, bits).public_key()
    else:
        key = rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) + 297).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


GOOD_KEY = "v=DKIM1; k=rsa; p=" + public(2048)
GOOD: Zone = {
    "studio.it TXT": txt("some-site-verification=abc", "v=spf1 include:_spf.google.com ~all"),
    "_spf.google.com TXT": txt("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all"),
    "google._domainkey.studio.it TXT": txt(GOOD_KEY),
    "_dmarc.studio.it TXT": txt("v=DMARC1; p=quarantine; rua=mailto:dmarc@studio.it"),
    "studio.it MX": ["10 mx.studio.it.", "5 mx0.studio.it."],
    "mx0.studio.it A": ["192.0.2.7"],
}
GMAIL = Sender("studio.it", "gmail", "smtp.gmail.com")


def look(zone: Zone, sender: Sender = GMAIL, step: float = 0.4, total: float = 4.0) -> Report:
    with name_server(zone) as (port, _asked):
        return check(sender, Resolver("127.0.0.1", port, step, total))


def codes(found: Report, part: str = "") -> dict[str, str]:
    return {each.code: each.level for each in found.findings if part in ("", each.part)}


def with_spf(record: str, **more: Any) -> Zone:
    extra = {key.replace("__", " "): value for key, value in more.items()}
    return GOOD | {"studio.it TXT": txt(record)} | extra


def test_a_domain_that_is_in_order(app: Flask) -> None:
    found = look(GOOD)
    assert codes(found) == dict.fromkeys(("spf_ok", "dkim_ok", "dmarc_ok", "mx_ok"), "ok")
    assert found.level == "ok"
    said = [words.says(each) for each in found.findings]
    assert "receivers need 1 of 10 lookups" in said[0]
    assert "mx0.studio.it" in said[3]
    assert all(words.next_step(each) == "" for each in found.findings)


def test_an_unknown_domain_says_what_to_write_for_each_part(app: Flask) -> None:
    found = look({})
    assert codes(found) == {
        "spf_missing": "problem",
        "dkim_not_found": "advice",
        "dmarc_missing": "problem",
        "mx_missing": "problem",
    }
    writes = {each.part: each.write for each in found.findings if each.write}
    assert writes == {
        "spf": ("@", "TXT", "v=spf1 include:_spf.google.com ~all"),
        "dmarc": ("_dmarc", "TXT", "v=DMARC1; p=none; rua=mailto:postmaster@studio.it"),
    }


@pytest.mark.parametrize(
    ("host", "term"),
    [
        ("smtp.host.it", "a:smtp.host.it"),
        ("8.8.8.8", "ip4:8.8.8.8"),
        ("2a00:1450::5", "ip6:2a00:1450::5"),
        ("127.0.0.1", "mx"),
        ("", "mx"),
    ],
)
def test_a_first_record_names_the_accounts_server(host: str, term: str) -> None:
    found = look({}, Sender("studio.it", "custom", host))
    assert found.findings[0].write == ("@", "TXT", f"v=spf1 {term} ~all")


# -- SPF --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "code", "level"),
    [
        ("v=spf1 include:_spf.google.com ip4:1.2.3.4/33 ~all", "spf_syntax", "problem"),
        ("v=spf1 include:_spf.google.com ip4:2001:db8::1 ~all", "spf_syntax", "problem"),
        ("v=spf1 include:_spf.google.com nonsense ~all", "spf_syntax", "problem"),
        ("v=spf1 include: ~all", "spf_syntax", "problem"),
        ("v=spf1 include:" + "a" * 80 + ".it ~all", "spf_syntax", "problem"),
        ("v=spf1 include:_spf.google.com,ip4:192.0.2.1 ~all", "spf_include_missing", "problem"),
        ("v=spf1 " + "ip4:192.0.2.1 " * 300, "spf_syntax", "problem"),
        ("v=spf1 include:_spf.google.com +all", "spf_plus_all", "problem"),
        ("v=spf1 include:_spf.google.com all", "spf_plus_all", "problem"),
        ("v=spf1 include:_spf.google.com ?all", "spf_no_all", "advice"),
        ("v=spf1 include:_spf.google.com", "spf_no_all", "advice"),
        ("v=spf1 ip4:192.0.2.1 -all", "spf_not_included", "problem"),
        ("v=spf1 include:_spf.google.com ptr ~all", "spf_ptr", "advice"),
        ("v=spf1 include:gone.example ~all", "spf_include_missing", "problem"),
        ("v=spf1 include:studio.it ~all", "spf_loop", "problem"),
        ("v=spf1 a:x1.it a:x2.it a:x3.it ~all", "spf_void", "problem"),
        ("V=SPF1 INCLUDE:_SPF.GOOGLE.COM ~ALL", "spf_ok", "ok"),
    ],
)
def test_spf_records_are_judged_as_receivers_do(record: str, code: str, level: str) -> None:
    assert codes(look(with_spf(record)), "spf").get(code) == level


def test_two_records_are_merged_into_one() -> None:
    zone = with_spf("", **{"studio.it__TXT": txt("v=spf1 mx -all", "v=spf1 a:w.studio.it ?all")})
    (finding,) = [each for each in look(zone).findings if each.part == "spf"]
    assert (finding.code, finding.values["count"]) == ("spf_several", "2")
    assert finding.write == (
        "@",
        "TXT",
        "v=spf1 include:_spf.google.com a:w.studio.it mx -all",
    )


def test_what_only_begins_like_a_record_is_none() -> None:
    assert "spf_missing" in codes(look(with_spf("v=spf10 include:_spf.google.com ~all")))


def test_twenty_includes_are_too_many_and_are_not_all_followed() -> None:
    zone = with_spf("v=spf1 " + " ".join(f"include:i{n}.it" for n in range(20)) + " ~all")
    zone |= {f"i{n}.it TXT": txt("v=spf1 ip4:192.0.2.1 ~all") for n in range(20)}
    with name_server(zone) as (port, asked):
        found = check(GMAIL, Resolver("127.0.0.1", port, 0.4, 4))
    assert codes(found, "spf") == {"spf_too_many": "problem"}
    assert len([each for each in asked if each.startswith("i")]) == 10


def test_a_chain_of_includes_in_a_circle_ends() -> None:
    zone = with_spf("v=spf1 include:a.it ~all")
    zone |= {
        "a.it TXT": txt("v=spf1 include:b.it ~all"),
        "b.it TXT": txt("v=spf1 redirect=a.it"),
    }
    assert codes(look(zone), "spf") == {"spf_loop": "problem"}


def test_a_tree_of_includes_does_not_grow_beyond_the_bounds() -> None:
    """Each includes two: a receiver and this check stop at ten, not at 2 to the tenth."""
    zone = with_spf("v=spf1 include:t1.it include:t2.it ~all")
    for n in range(1, 1100):
        zone[f"t{n}.it TXT"] = txt(f"v=spf1 include:t{2 * n + 1}.it include:t{2 * n + 2}.it ~all")
    with name_server(zone) as (port, asked):
        found = check(GMAIL, Resolver("127.0.0.1", port, 0.4, 4))
    assert codes(found, "spf") == {"spf_too_many": "problem"}
    assert len([each for each in asked if each.startswith("t")]) <= 10


def test_redirect_leads_to_the_record_that_counts() -> None:
    zone = with_spf("v=spf1 redirect=_spf.google.com")
    assert codes(look(zone), "spf") == {"spf_ok": "ok"}


def test_the_provider_is_put_before_the_end_of_the_record() -> None:
    (finding,) = [
        each
        for each in look(with_spf("v=spf1 ip4:192.0.2.1 -all")).findings
        if each.code == "spf_not_included"
    ]
    assert finding.write == ("@", "TXT", "v=spf1 ip4:192.0.2.1 include:_spf.google.com -all")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=spf1 ip4:192.0.2.9 ~all", {"spf_ok": "ok"}),
        ("v=spf1 a:smtp.host.it ~all", {"spf_ok": "ok"}),
        ("v=spf1 include:_spf.host.it ~all", {"spf_ok": "ok"}),
        ("v=spf1 exists:%{i}._x.it ~all", {"spf_ok": "ok"}),
        ("v=spf1 ip4:198.51.100.0/24 ~all", {"spf_ok": "ok", "spf_server_not_seen": "advice"}),
        ("v=spf1 -ip4:192.0.2.9 ~all", {"spf_ok": "ok", "spf_server_not_seen": "advice"}),
    ],
)
def test_a_provider_that_is_not_known_is_looked_for_by_its_server(
    record: str, expected: dict[str, str]
) -> None:
    zone = with_spf(record) | {
        "smtp.host.it A": ["192.0.2.9"],
        "_spf.host.it TXT": txt("v=spf1 ip4:203.0.113.1 ~all"),
    }
    found = look(zone, Sender("studio.it", "custom", "smtp.host.it"))
    assert codes(found, "spf") == expected


# -- DKIM -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "code", "level"),
    [
        (GOOD_KEY.replace("v=DKIM1; k=rsa; ", ""), "dkim_ok", "ok"),
        ("v=DKIM1; p=" + public(1024), "dkim_short", "advice"),
        ("v=DKIM1; p=" + public(512), "dkim_weak", "problem"),
        ("v=DKIM1; p=", "dkim_revoked", "problem"),
        (GOOD_KEY + "; t=s:y", "dkim_testing", "advice"),
        ("v=DKIM1; p=AAAA", "dkim_unreadable", "problem"),
        ("v=DKIM1; p=\u00e0\u00e8\u00ec", "dkim_unreadable", "problem"),
        ("v=DKIM2; p=" + public(1024), "dkim_unreadable", "problem"),
        (GOOD_KEY[:-40], "dkim_unreadable", "problem"),
    ],
)
def test_keys_are_judged(record: str, code: str, level: str) -> None:
    zone = GOOD | {"google._domainkey.studio.it TXT": txt(record.encode().decode("latin-1"))}
    assert codes(look(zone), "dkim") == {code: level}


def test_an_ed25519_key_is_good() -> None:
    raw = ed25519.Ed25519PrivateKey.generate().public_key()
    text = base64.b64encode(raw.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    zone = GOOD | {"google._domainkey.studio.it TXT": txt(f"v=DKIM1; k=ed25519; p={text}")}
    assert codes(look(zone), "dkim") == {"dkim_ok": "ok"}


def test_the_selector_of_the_account_is_the_only_one_asked_for() -> None:
    sender = Sender("studio.it", "gmail", "smtp.gmail.com", "nov26")
    with name_server(GOOD) as (port, asked):
        found = check(sender, Resolver("127.0.0.1", port, 0.4, 4))
    assert codes(found, "dkim") == {"dkim_missing": "problem"}
    assert [each for each in asked if "_domainkey" in each] == ["nov26._domainkey.studio.it TXT"]


def test_two_keys_under_one_selector_are_a_problem() -> None:
    zone = GOOD | {"google._domainkey.studio.it TXT": txt(GOOD_KEY, "v=DKIM1; p=AAAA")}
    assert codes(look(zone), "dkim") == {"dkim_several": "problem"}


# -- DMARC, MX --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (["v=DMARC1; p=none"], {"dmarc_none": "advice", "dmarc_no_reports": "advice"}),
        (["v=DMARC1; p=maybe; rua=mailto:a@studio.it"], {"dmarc_unreadable": "problem"}),
        (["v=DMARC1; rua=mailto:a@studio.it"], {"dmarc_unreadable": "problem"}),
        (["v=DMARC1; p=reject", "v=DMARC1; p=none"], {"dmarc_several": "problem"}),
        (["v=dmarc2; p=reject"], {"dmarc_missing": "problem"}),
        (
            ["v=DMARC1; p=reject; pct=20; rua=mailto:a@studio.it!10m"],
            {"dmarc_ok": "ok", "dmarc_part": "advice"},
        ),
        (["v=DMARC1;p=reject;rua=https://x.it"], {"dmarc_ok": "ok", "dmarc_no_reports": "advice"}),
        (
            ["v=DMARC1; p=reject; rua=mailto:x@reports.example"],
            {"dmarc_ok": "ok", "dmarc_stranger": "advice"},
        ),
        (["v=DMARC1; p=reject; rua=mailto:x@agreed.example"], {"dmarc_ok": "ok"}),
    ],
)
def test_policies_are_judged(records: list[str], expected: dict[str, str]) -> None:
    zone = GOOD | {
        "_dmarc.studio.it TXT": txt(*records),
        "studio.it._report._dmarc.agreed.example TXT": txt("v=DMARC1"),
    }
    assert codes(look(zone), "dmarc") == expected


def test_a_subdomain_has_its_parents_policy_for_subdomains() -> None:
    zone = GOOD | {
        "_dmarc.studio.it TXT": txt("v=DMARC1; p=reject; sp=none; rua=mailto:a@studio.it")
    }
    found = look(zone, Sender("news.studio.it", "gmail"))
    assert codes(found, "dmarc") == {"dmarc_none": "advice"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"studio.it MX": ["0 ."]}, {"mx_null": "problem"}),
        ({"studio.it MX": ["10 gone.studio.it."]}, {"mx_dead": "problem"}),
        ({"studio.it MX": None, "studio.it A": ["192.0.2.1"]}, {"mx_address_only": "advice"}),
        ({"studio.it MX": None}, {"mx_missing": "problem"}),
    ],
)
def test_mail_servers_are_judged(more: Zone, expected: dict[str, str]) -> None:
    zone = {key: value for key, value in (GOOD | more).items() if value is not None}
    assert codes(look(zone), "mx") == expected


@pytest.mark.parametrize(
    ("sender", "level", "code"),
    [
        (Sender("gmail.com", "gmail", "smtp.gmail.com"), "advice", "mailbox_domain"),
        (Sender("gmail.com", "custom", "smtp.host.it"), "problem", "mailbox_elsewhere"),
        (Sender("libero.it", "custom", "smtp.libero.it"), "advice", "mailbox_domain"),
    ],
)
def test_nobody_is_told_to_write_into_a_providers_zone(
    sender: Sender, level: str, code: str
) -> None:
    found = look({}, sender)
    assert codes(found)[code] == level
    assert all(each.write is None for each in found.findings)
    assert found.level == level


# -- bad name servers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("habit", "code"),
    [
        ("servfail", "lookup_refused"),
        ("refused", "lookup_refused"),
        ("timeout", "lookup_timeout"),
        ("garbage", "lookup_"),
        ("empty", "lookup_"),
        ({"cname": "studio.it."}, "lookup_"),
    ],
)
def test_a_name_server_that_fails_makes_it_unknown_not_wrong(
    app: Flask, habit: Any, code: str
) -> None:
    found = look(GOOD | {"studio.it TXT": habit}, step=0.3)
    (finding,) = [each for each in found.findings if each.part == "spf"]
    assert finding.level == "unknown"
    assert finding.code.startswith(code)
    assert "studio.it" in words.says(finding)
    assert words.next_step(finding)
    assert codes(found, "dmarc") == {"dmarc_ok": "ok"}


def test_nobody_there_ends_in_time_and_says_so() -> None:
    began = time.monotonic()
    found = check(GMAIL, Resolver("127.0.0.1", closed_port(), step=0.2, total=0.8))
    assert time.monotonic() - began < 3
    assert {each.level for each in found.findings} == {"unknown"}


def test_a_huge_record_is_read_over_tcp_and_kept_short() -> None:
    long = "v=spf1 " + " ".join(f"ip4:198.51.100.{n}" for n in range(150)) + " -all"
    zone = GOOD | {"studio.it TXT": txt(long, "x" * 40_000, "y" * 10_000)}
    found = look(zone)
    assert codes(found, "spf") == {"spf_not_included": "problem"}
    kept = found.to_dict()
    assert all(len(each["found"]) <= 600 for each in kept["findings"])
    assert report.read(kept) is not None


def test_control_characters_of_a_zone_reach_no_page() -> None:
    zone = GOOD | {"studio.it TXT": ['"v=spf1 \\027[2J<script>\\010 -all"']}
    (finding,) = [each for each in look(zone).findings if each.part == "spf"]
    assert finding.code == "spf_syntax"
    assert finding.found.isprintable()


@pytest.mark.parametrize("bad", ["a..b.it", "x" * 64 + ".it", ".".join(["y" * 60] * 5), ""])
def test_names_that_cannot_be_asked_for_are_no_crash(app: Flask, bad: str) -> None:
    with name_server({}) as (port, _asked):
        found = check(Sender(bad), Resolver("127.0.0.1", port, 0.3, 1))
    assert found.level in {"problem", "unknown"}
    assert "<" not in "".join(words.says(each) for each in found.findings)


def test_the_number_of_questions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctm.sender.resolver.MOST_LOOKUPS", 3)
    found = look(GOOD)
    assert codes(found)["lookup_too_much"] == "unknown"


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("a@Studio.IT.", "studio.it"),
        ("a@perché.it", "xn--perch-fsa.it"),
        ("nobody", "nobody"),
        ("a@" + "é" * 80, ""),
    ],
)
def test_the_domain_of_an_address_is_as_dns_writes_it(address: str, domain: str) -> None:
    assert domain_of(address) == domain


@pytest.mark.parametrize(
    "data",
    [None, {}, {"findings": 3}, {"domain": "x", "findings": [{}]}, {"domain": 1, "findings": [3]}],
)
def test_a_report_that_cannot_be_read_counts_as_none(data: Any) -> None:
    assert report.read(data) is None


def test_every_finding_has_words_that_take_its_values(app: Flask) -> None:
    names = ("domain", "name", "at", "count", "lookups", "host", "term", "selector", "bits")
    values = dict.fromkeys((*names, "policy", "target", "part"), "VALUE")
    for code in words.WORDS:
        finding = report.Finding("spf", "ok", code, values)
        assert "%(" not in words.says(finding) + words.next_step(finding)


def test_merging_keeps_each_term_once_and_the_softest_end() -> None:
    assert spf.merged(["v=spf1 a mx -all", "v=spf1 MX ip4:1.2.3.4 ~all"]) == (
        "v=spf1 a mx ip4:1.2.3.4 ~all"
    )
    assert spf.merged(["v=spf1 a +all"]) == "v=spf1 a ~all"
