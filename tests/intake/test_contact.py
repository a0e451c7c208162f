"""Email addresses and phone numbers: which are valid, and that every spelling has one form."""

import json
from typing import Any

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from app.intake.contact import Address, parse_email, read_mailbox, read_phone
from bench.quality.measures import DATA

CASES = [json.loads(line) for line in (DATA / "emails.jsonl").read_text(encoding="utf-8").splitlines()]
# Intake trims text first, so addresses that are wrong only around the edges are left out.
TRIMMED = [case for case in CASES if case["address"] == case["address"].strip()]
# Internationalized addresses (RFC 6531) are newer than the cases, and the validator counts a quoted local
# part without its quotes.
ACCEPTED = {
    '"test\\©"@iana.org',
    '"abcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstuvwxyz abcdefghj"@iana.org',
    '"abcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstuvwxyz abcdefg\\h"@iana.org',
}


@pytest.mark.parametrize("case", TRIMMED, ids=lambda case: str(case["id"]))
def test_isemail_cases_are_classified_as_published(case: dict[str, Any]) -> None:
    """Comments, folding and obsolete forms (CFWS, DEPREC) are not asserted, because no form sends them."""
    sent = case["address"]
    valid = parse_email(sent) is not None
    if case["category"] in ("ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN", "ISEMAIL_RFC5321"):
        assert valid
    elif case["category"] in ("ISEMAIL_ERR", "ISEMAIL_RFC5322"):
        assert valid is (sent in ACCEPTED)


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
def test_every_spelling_of_an_address_has_one_form(sent: str, whole: str, domain: str) -> None:
    assert parse_email(sent) == Address(whole, domain)


@pytest.mark.parametrize(
    "sent",
    [
        "", "jane", "jane@", "@acme.example", "jane@acme", "jane@localhost", "jane@printer.local",
        "jane@x.invalid", "jane doe@acme.example", "jane@acme..example", "jane@acme,example",
        "Jane <jane@acme.example>", "mailto:jane@acme.example@", "a" * 65 + "@acme.example",
        "jane@" + "a" * 64 + ".example", "jane@-acme.example",
        "jane@" + "a." * 130 + "example", "jane@acme.example\0", "jane@1.2.3.4.", "x" * 8192,
    ],
)  # fmt: skip
def test_invalid_address_is_refused(sent: str) -> None:
    assert parse_email(sent) is None


_LABEL = st.text("aB0-", min_size=1, max_size=4) | st.just("a" * 63) | st.just("a" * 64)
_DOMAIN = st.lists(_LABEL, min_size=1, max_size=3).map(".".join)
_LOCAL = st.text("aZ9.+_'!\"é", max_size=6) | st.just("a" * 64) | st.just("a" * 65)
_TOP = st.sampled_from(
    ["com", "test", "example", "local", "invalid", "c", "x1", "onion", "arpa", "COM", "a" * 64]
)


@settings(max_examples=600, deadline=None)
@given(st.builds(lambda local, domain, top: f"{local}@{domain}.{top}", _LOCAL, _DOMAIN, _TOP))
def test_plain_addresses_parse_as_the_validator_parses_them(sent: str) -> None:
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
        assert parse_email(sent) is None
    else:
        domain = (found.ascii_domain or "").lower()
        assert parse_email(sent) == Address(f"{found.local_part.casefold()}@{domain}", domain)


def e164_of(text: str, region: str | None) -> str | None:
    return read_phone(text, region).e164


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        ("ida@berg.example; bob@berg.example", "ida@berg.example"),
        ("ida@berg.example / bob@berg.example", "ida@berg.example"),
        ("ida@berg.example oder bob@berg.example", "ida@berg.example"),
        ("mailto:ida@berg.example?subject=Hi", "ida@berg.example"),
        ("ida@berg.example (work)", "ida@berg.example"),
        ("'ida@berg.example'", "ida@berg.example"),
        ("ida＠berg．example", "ida@berg.example"),
        ("o'neil@berg.example", "o'neil@berg.example"),
        ("x@" * 4000, "x@" * 4000),
        ("x" + " " * 9000 + "y", "x" + " " * 9000 + "y"),
    ],
)
def test_what_stands_around_an_address_is_no_part_of_it(sent: str, address: str) -> None:
    assert read_mailbox(sent)[0] == address


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_spelling_of_a_number_has_one_form_in_every_country(region: str) -> None:
    number = phonenumbers.example_number(region)
    assert number is not None
    formats = phonenumbers.PhoneNumberFormat
    written = {
        phonenumbers.format_number(number, form)
        for form in (formats.E164, formats.INTERNATIONAL, formats.NATIONAL, formats.RFC3966)
    }
    e164 = phonenumbers.format_number(number, formats.E164)
    assert {e164_of(text, region) for text in written} == {e164}
    # With its country prefix it needs no region, and another region does not change it.
    assert e164_of(e164, None) == e164_of(e164, "JP") == e164
    assert e164_of("00" + e164[1:], None) == e164


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
        ("030 901820 (Büro)", "DE", "+4930901820"),
        ("49 171 2345678", "DE", "+491712345678"),
        ("(49) 171 2345678", "DE", "+491712345678"),
        ("43 664 1234567", "AT", "+436641234567"),
        ("0491 712345", "DE", "+49491712345"),
        ("9198765432", "IN", "+919198765432"),
        ("mobile: 0171 2345678 after 5", None, None),
        ("030 901820 / 0171 2345678", "DE", "+4930901820"),
        ("0171 2345678 oder 030 901820", "DE", "+491712345678"),
        ("030 901820 Durchwahl 12", "DE", "+4930901820;ext=12"),
        ("01 23 45 67 89 poste 4", "FR", "+33123456789;ext=4"),
        ("+0049 30 901820", None, "+4930901820"),
        ("4.930901820E9", None, None),
        ("4.930901820E+11", "DE", None),
        ("2.127365000E9", "US", "+12127365000"),
    ],
)
def test_number_has_one_form(sent: str, region: str | None, e164: str | None) -> None:
    assert e164_of(sent, region) == e164


@pytest.mark.parametrize(
    ("sent", "region"),
    [
        ("", None), ("030 123456", None), ("030 123456", "Atlantis"), ("555-2671", "US"), ("12", "DE"),
        ("+", None), ("00", None), ("+999 123456", None), ("call me", "DE"), ("+4930" + "1" * 20, None),
        ("x" * 8192, "DE"), ("1" * 8192, "DE"), ("\0", None),
    ],
)  # fmt: skip
def test_invalid_number_is_refused(sent: str, region: str | None) -> None:
    assert e164_of(sent, region) is None
