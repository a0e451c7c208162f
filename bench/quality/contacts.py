"""E-mail addresses and phone numbers."""

import json
from collections.abc import Iterator

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from app.intake.contact import parse_email, read_phone
from bench.quality.measures import DATA, Measure, Outcome, measure

_ROUTABLE = ("ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN", "ISEMAIL_RFC5321")
_INVALID = "ISEMAIL_ERR"
_ODD = ("ISEMAIL_CFWS", "ISEMAIL_DEPREC")
_FORMATS = (
    PhoneNumberFormat.E164,
    PhoneNumberFormat.INTERNATIONAL,
    PhoneNumberFormat.NATIONAL,
    PhoneNumberFormat.RFC3966,
)


def contacts() -> Iterator[Measure]:
    """Verdicts on addresses, and numbers in E.164."""
    lines = (DATA / "emails.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    verdicts = [(each["category"], parse_email(each["address"]) is not None) for each in cases]
    counting = [(category != _INVALID, answer) for category, answer in verdicts if _counts(category)]
    yield measure(
        "e-mail: verdicts that matter", ((str(true), str(answer)) for true, answer in counting), 0.99
    )
    yield measure("– valid ones", _valid(counting))
    odd = [(True, answer) for category, answer in verdicts if category in _ODD]
    yield measure("– comments and obsolete forms, which are valid but odd", _valid(odd))
    yield measure("phone: valid examples in E.164", _examples(), 1.0, 1.0)
    yield measure("phone: the same as people write them", _as_written(), 0.995, 0.98)


def _counts(category: str) -> bool:
    return category in (*_ROUTABLE, _INVALID)


def _valid(verdicts: list[tuple[bool, bool]]) -> Iterator[Outcome]:
    for true, answer in verdicts:
        yield "valid" if true else None, "valid" if answer else None


def _numbers() -> Iterator[tuple[str, phonenumbers.PhoneNumber]]:
    """The example numbers of every region and type that are valid."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in PhoneNumberType.values():
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None and phonenumbers.is_valid_number(number):
                yield region, number


def _examples() -> Iterator[Outcome]:
    for region, number in _numbers():
        truth = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        for form in _FORMATS:
            yield truth, read_phone(phonenumbers.format_number(number, form), region).e164


def _as_written() -> Iterator[Outcome]:
    """With 00, dots, slashes, brackets, blanks that do not break, and a word in front."""
    for _, number in _numbers():
        truth = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        shown = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
        country, _, rest = shown.partition(" ")
        written = (
            f"00{truth[1:]}",
            shown.replace(" ", ".").replace("-", "."),
            shown.replace(" ", "\u00a0"),
            f"{country} ({rest.partition(' ')[0]}) {rest.partition(' ')[2]}".strip(),
            f"Tel. {shown}",
            f" {truth} ",
        )
        for text in written:
            yield truth, read_phone(text, None).e164
