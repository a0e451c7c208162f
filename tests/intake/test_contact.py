"""Addresses and numbers: what counts as one, and that two ways of writing it are one."""

import json
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from app.intake.contact import Address, address, telephone

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "isemail" / "cases.jsonl").read_text(encoding="utf-8").splitlines()
]
# Intake trims before it asks, so what is wrong only around an address is nothing wrong here.
TRIMMED = [case for case in CASES if case["address"] == case["address"].strip()]
# Valid by the letter, but nobody's mailbox: a host without a dot, a numeric top level, an empty local part.
NOBODYS = {"test@io", "test@org", "test@iana.123", "test@255.255.255.255", '""@iana.org'}
# Internationalised addresses (RFC 6531) are younger than the cases, and the validator counts a quoted local
# part without its quotes.
SOMEBODYS = {
    '"test\\©"@iana.org',
    '"abcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstuvwxyz abcdefghj"@iana.org',
    '"abcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstuvwxyz abcdefg\\h"@iana.org',
}


@pytest.mark.parametrize("case", TRIMMED, ids=lambda case: str(case["id"]))
def test_the_isemail_cases(case: dict[str, Any]) -> None:
    """Comments, folding and obsolete forms (CFWS, DEPREC) may go either way: no form sends them."""
    sent = case["address"]
    valid = address(sent) is not None
    if case["category"] in ("ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN", "ISEMAIL_RFC5321"):
        assert valid is (sent not in NOBODYS)
    elif case["category"] in ("ISEMAIL_ERR", "ISEMAIL_RFC5322"):
        assert valid is (sent in SOMEBODYS)


@pytest.mark.parametrize(
    ("sent", "whole", "domain"),
    [
        ("Jane.Doe@ACME.example", "jane.doe@acme.example", "acme.example"),
        ("jane+crm@acme.test", "jane+crm@acme.test", "acme.test"),
        ("j.a.n.e@gmail.com", "j.a.n.e@gmail.com", "gmail.com"),
        ("o'hara@mail.acme-group.co.uk", "o'hara@mail.acme-group.co.uk", "mail.acme-group.co.uk"),
        ("Müller@Bücher.de", "müller@xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("müller@XN--bcher-kva.de", "müller@xn--bcher-kva.de", "xn--bcher-kva.de"),
        ('"Jane Doe"@acme.example', '"jane doe"@acme.example', "acme.example"),
        ("jane@[192.0.2.1]", "jane@[192.0.2.1]", "[192.0.2.1]"),
        ("JÜRGEN@acme.example", "jürgen@acme.example", "acme.example"),
    ],
)
def test_one_address_has_one_form(sent: str, whole: str, domain: str) -> None:
    assert address(sent) == Address(whole, domain)


@pytest.mark.parametrize(
    "sent",
    [
        "", "jane", "jane@", "@acme.example", "jane@acme", "jane@localhost", "jane@printer.local",
        "jane@x.invalid", "jane doe@acme.example", "jane@acme..example", "jane@acme,example",
        "Jane <jane@acme.example>", "mailto:jane@acme.example@", "a" * 65 + "@acme.example",
        "jane@" + "a" * 64 + ".example", "jane@-acme.example",
        "jane@" + "a." * 130 + "example", "jane@acme.example\0", "jane@1.2.3.4", "x" * 8192,
    ],
)  # fmt: skip
def test_what_is_no_address(sent: str) -> None:
    assert address(sent) is None


_LABEL = st.text("aB0-", min_size=1, max_size=4) | st.just("a" * 63) | st.just("a" * 64)
_DOMAIN = st.lists(_LABEL, min_size=1, max_size=3).map(".".join)
_LOCAL = st.text("aZ9.+_'!\"é", max_size=6) | st.just("a" * 64) | st.just("a" * 65)
_TOP = st.sampled_from(
    ["com", "test", "example", "local", "invalid", "c", "x1", "onion", "arpa", "COM", "a" * 64]
)


@settings(max_examples=1500, deadline=None)
@given(st.builds(lambda local, domain, top: f"{local}@{domain}.{top}", _LOCAL, _DOMAIN, _TOP))
def test_the_short_way_says_what_the_validator_says(sent: str) -> None:
    try:
        found = validate_email(
            sent,
            check_deliverability=False,
            allow_quoted_local=True,
            allow_domain_literal=True,
            test_environment=True,
            strict=True,
        )
    except EmailNotValidError:
        assert address(sent) is None
    else:
        domain = (found.ascii_domain or "").lower()
        assert address(sent) == Address(f"{found.local_part.casefold()}@{domain}", domain)


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_countrys_numbers_have_one_form_however_they_are_written(region: str) -> None:
    number = phonenumbers.example_number(region)
    assert number is not None
    formats = phonenumbers.PhoneNumberFormat
    written = {
        phonenumbers.format_number(number, form)
        for form in (formats.E164, formats.INTERNATIONAL, formats.NATIONAL, formats.RFC3966)
    }
    e164 = phonenumbers.format_number(number, formats.E164)
    assert {telephone(text, region) for text in written} == {e164}
    # With its country's prefix it needs no region, nor is it misled by another one.
    assert telephone(e164, None) == telephone(e164, "JP") == e164
    assert telephone("00" + e164[1:], None) == e164


@pytest.mark.parametrize(
    ("sent", "region", "e164"),
    [
        ("+49 30 123456", None, "+4930123456"),
        ("030 / 123456", "DE", "+4930123456"),
        ("0049 (0)30 123456", "US", "+4930123456"),
        ("(00 49) 30-123456", None, "+4930123456"),
        ("0011 49 30 123456", "AU", "+4930123456"),
        ("tel:+1-415-555-2671", None, "+14155552671"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("+1 415 555 2671 ext. 12", None, "+14155552671;ext=12"),
        ("٠٣٠ ١٢٣٤٥٦", "DE", "+4930123456"),
    ],
)
def test_one_number_has_one_form(sent: str, region: str | None, e164: str) -> None:
    assert telephone(sent, region) == e164


@pytest.mark.parametrize(
    ("sent", "region"),
    [
        ("", None), ("030 123456", None), ("030 123456", "Atlantis"), ("555-2671", "US"), ("12", "DE"),
        ("+", None), ("00", None), ("+999 123456", None), ("call me", "DE"), ("+4930" + "1" * 20, None),
        ("x" * 8192, "DE"), ("1" * 8192, "DE"), ("\0", None),
    ],
)  # fmt: skip
def test_what_is_no_number(sent: str, region: str | None) -> None:
    assert telephone(sent, region) is None
