"""What values of fields look like, and in which form a lead takes them."""

import re
from math import isfinite
from typing import Any, Final

from app.forms.vendors.bodies import texts_of
from app.forms.vendors.form_field import FormField
from app.forms.vendors.labels import fold_label
from app.intake.contact import parse_email, read_mailbox
from app.plan.language.fields import CUSTOMER_STATUSES
from app.values.countries import country_code
from app.values.folding import fold

MAX_NAME: Final = 100
"""Characters of the name of an attribute."""
MAX_SHORT: Final = 255
"""Bytes of an address or an id of a lead."""
MAX_TEXT: Final = 8192
"""Characters of a text of a lead."""
MAX_EXACT: Final = 2**53
"""A larger whole number loses digits in programs that read numbers as floating point."""
_LISTS: Final = frozenset(("product_interest", "pages", "content"))
_FORMS_OF_ADDRESS: Final = """
mr mrs ms miss mx dr prof herr frau monsieur madame mme mlle sr sra senor senora dhr mevrouw pan pani sig
"""
_SALUTATIONS: Final = frozenset(_FORMS_OF_ADDRESS.split())
"""What a field `Title` holds that is no job."""
_ADDRESS: Final = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>.]{2,}")
_DIGITS: Final = re.compile(r"[+(]?[0-9][0-9 ()/.+-]{5,24}")
_PHONE_WORD: Final = re.compile(
    r"tele?fon|telefoon|phone|puhelin|телефон|電話|电话|手机|전화|휴대"
    r"|\b(?:tel|mobil\w*|handy\w*|festnetz\w*|ruckruf\w*|cell|celular|cellulare|movil|portable|telemovel"
    r"|whats ?app|gsm)\b"
)
_COUNT_WORD: Final = re.compile(
    r"\b(?:number of (?:phone|mobile|calls)|how many|wie ?viele|anzahl|combien|cuantos|quantos|quanti"
    r"|downloads|users|lines|calls)\b"
)
"""Words that ask for a count, so that digits are no phone number."""
_COUNTRY_WORD: Final = re.compile(
    r"\b(?:country|land|landes|pays|pais|paese|nazione|kraj|kraju|lande|maassa)\b"
)
_OTHER_COUNTRY: Final = re.compile(
    r"\b(?:sell|export\w*|import\w*|market\w*|interest\w*|deliver\w*|ship\w*|travel\w*|visit\w*|birth|born"
    r"|nationality|citizen\w*|reise\w*|reist|ziel\w*|liefer\w*|geburt\w*|geboren|voyage\w*|viaj\w*|vend\w*"
    r"|verkauf\w*|naissance|nacimiento|nascita|other|andere\w*|want|like|moved?|next|expand\w*)\b"
)
"""Words that ask for another country than the one where somebody is."""
_SHORT: Final = ("email", "external_id", "external_id_source", "submission_id", "crm.")


def value_of(meaning: str, value: Any) -> Any:
    """The value as the field of a lead takes it."""
    texts = texts_of(value)
    if meaning in _LISTS:
        return texts[:1000]
    if meaning.startswith("attributes."):
        return storable(value)
    if meaning.startswith("consent."):
        return value if isinstance(value, bool) else ", ".join(texts)
    return ", ".join(texts)


def fits(meaning: str, value: Any) -> bool:
    """Whether a lead can hold the value, and the value can be meant."""
    if meaning == "title":
        return fold(str(value)[:MAX_NAME]) not in _SALUTATIONS
    if meaning.startswith(_SHORT):
        return len(str(value).encode()) <= MAX_SHORT
    if meaning == "customer_status":
        return value in CUSTOMER_STATUSES
    if meaning.startswith("attributes."):
        return True
    return all(len(each) <= MAX_TEXT for each in (value if isinstance(value, list) else [str(value)]))


def may_be_address(value: Any) -> bool:
    """Whether a value that is called an e-mail address can be one, also one that is wrong."""
    return "@" in read_mailbox(str(value))[0]


def is_address(one: FormField, text: str) -> bool:
    """Whether a text is an e-mail address, whatever its field is called."""
    del one
    return _ADDRESS.fullmatch(text) is not None and parse_email(text) is not None


def is_phone(one: FormField, text: str) -> bool:
    """Digits alone are no phone number: the label must say so, in whatever words, or a plus before them."""
    if _DIGITS.fullmatch(text) is None:
        return False
    named = f"{fold_label(one.key)} {fold_label(one.label)}"
    if not text.startswith(("+", "0", "(")) and _COUNT_WORD.search(named):
        return False
    return _PHONE_WORD.search(named) is not None or (text.startswith("+") and "fax" not in named)


def is_country(one: FormField, text: str) -> bool:
    """Whether a text is a country, and the label asks where somebody is."""
    named = fold_label(f"{one.key} {one.label}"[:400])
    asked = _COUNTRY_WORD.search(named) is not None and _OTHER_COUNTRY.search(named) is None
    return asked and len(text) <= MAX_NAME and country_code(text) is not None


def is_empty(value: Any) -> bool:
    """Whether nothing was answered, also in lists and objects."""
    if isinstance(value, list | dict):
        return not value or all(
            is_empty(each) for each in (value.values() if isinstance(value, dict) else value)
        )
    return value is None or (isinstance(value, str) and not value.strip())


def storable(value: Any) -> Any:
    """The value with whole numbers that not every reader of JSON keeps exact as texts."""
    if isinstance(value, list):
        return [storable(each) for each in value]
    if isinstance(value, dict):
        return {name: storable(each) for name, each in value.items()}
    if isinstance(value, float) and not isfinite(value):
        return None
    exact = not isinstance(value, int) or isinstance(value, bool) or abs(value) <= MAX_EXACT
    return value if exact else str(value)
