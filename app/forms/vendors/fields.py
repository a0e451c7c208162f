"""Finds out what the fields of a form mean, whatever their names and language.

What the endpoint's mapping says goes first, then what the tool itself says of a key, then the type it gives,
then the name or label, then what a value looks like: an address is one whatever its label is. Everything else
is kept as attributes.

A visitor can write any name and value, so names alone never set ids, owners, scores or the state of a
customer; only a mapping does.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from app.forms.vendors.base import FormMap
from app.forms.vendors.bodies import texts_of
from app.forms.vendors.consents import consents_of
from app.forms.vendors.form_field import FormField
from app.forms.vendors.labels import fold_label, meaning_of, sentence_of, tracking_of
from app.forms.vendors.objects import is_of_work, of_a_company, of_a_person, of_the_visit
from app.forms.vendors.values import (
    MAX_NAME,
    MAX_TEXT,
    fits,
    is_address,
    is_country,
    is_empty,
    is_phone,
    may_be_address,
    storable,
    value_of,
)
from app.intake.headers import FULL_NAME, NAME_OR_PART, fold_name, other_part
from app.values.booleans import read_boolean
from app.values.full_names import is_certain, split_full_name

_BY_TYPE: Final[Mapping[str, str]] = {
    "email": "email", "phone": "phone", "phone number": "phone", "phone_number": "phone", "tel": "phone",
    "country": "country",
}  # fmt: skip
_SINGLE: Final = frozenset(("email", "phone"))
"""Of what a lead has one, although a form may hold several."""
_NEVER_A_TICK: Final = frozenset(
    ("website", "company", "title", "phone", "product_interest", "city", "industry")
)
"""What nobody answers with yes or no: `Do you have a website?` asks for something else."""
_NUMBERED: Final = re.compile(r"[ _-]?[0-9]{1,4}$")
"""The end of a key that a tool may have made up, such as `question_4`."""


@dataclass(frozen=True, slots=True)
class MappedFields:
    """The fields of a lead, nested, and what nothing maps, by its name."""

    lead: dict[str, Any] = field(repr=False)
    unmapped: dict[str, Any] = field(repr=False)
    flags: tuple[str, ...] = ()

    def with_page(self, url: object, referrer: object = None) -> "MappedFields":
        """The same lead, with the page and the campaign that its address names where it has none."""
        address = url.strip() if isinstance(url, str) else ""
        if address and len(address) <= MAX_TEXT:
            self.lead.setdefault("pages", [address])
            self.with_utm(dict(_query_of(address)))
        if isinstance(referrer, str) and 0 < len(referrer.strip()) <= MAX_TEXT:
            self.lead.setdefault("referrer", referrer.strip())
        return self

    def with_utm(self, tracking: Mapping[str, Any]) -> "MappedFields":
        """The same lead, with the campaign of an object such as `{"utm_source": …}` where it has none."""
        for name, value in tracking.items():
            meaning, text = tracking_of(name), ", ".join(texts_of(value))
            if meaning is not None and 0 < len(text) <= MAX_TEXT:
                place, _, part = meaning.partition(".")
                self.lead.setdefault(place, {}).setdefault(part, text)
        return self


def map_fields(
    fields: Sequence[FormField],
    mapping: FormMap,
    known: Mapping[str, str] | None = None,
    *,
    asks_consent: bool = True,
) -> MappedFields:
    """What the fields mean. `known` are meanings that the tool itself gives to keys, such as `FULL_NAME`.

    Without `asks_consent` no field is a consent, unless the mapping says that it is one.
    """
    return _Mapper(mapping, known or {}, asks_consent=asks_consent).mapped(fields)


class _Mapper:
    def __init__(self, mapping: FormMap, known: Mapping[str, str], *, asks_consent: bool) -> None:
        self._mapping = mapping
        self._known = known
        self._asks_consent = asks_consent
        self._repeated: list[FormField] = []
        self._ignored = {each for place in mapping.ignore for each in (place, fold_label(place))} - {""}
        self._found: dict[str, Any] = {}
        self._flags: dict[str, None] = {}
        self._name_or_part = False

    def mapped(self, fields: Sequence[FormField]) -> MappedFields:
        open_ = [each for each in fields if not is_empty(each.value) and not self._is_ignored(each)]
        open_ = self._by_mapping(open_)
        open_.sort(key=lambda each: not is_of_work(each))
        for means in (self._known_key, _by_key, _by_type, _by_label, *_LATER):
            open_ = [each for each in open_ if not self._take(means(each), each)]
        open_ = [each for each in open_ if not self._take_consent(each)]
        for meaning, looks in (("email", is_address), ("phone", is_phone), ("country", is_country)):
            if meaning not in self._found:
                open_ = self._by_look(meaning, looks, open_)
            if meaning in _SINGLE:
                open_ = [each for each in open_ if not self._repeats(meaning, each)]
        order = {id(each): position for position, each in enumerate(fields)}
        left = sorted(open_, key=lambda each: order[id(each)]) + self._repeated
        lead = self._lead()
        unmapped = dict(_attributes(left, lead.get("attributes", {})))
        return MappedFields(lead, unmapped, tuple(self._flags))

    def _is_ignored(self, one: FormField) -> bool:
        return bool(self._ignored) and any(name in self._ignored for name in _names_of(one))

    def _by_mapping(self, fields: list[FormField]) -> list[FormField]:
        """Takes what the endpoint's mapping names. A mapped field is mapped, even one that is not used."""
        used: set[int] = set()
        for meaning, places in self._mapping.fields.items():
            for place in places:
                names = {place, fold_label(place)}
                for position, each in enumerate(fields):
                    if names & _names_of(each):
                        used.add(position)
                        self._take(meaning, each, by_mapping=True)
        return [each for position, each in enumerate(fields) if position not in used]

    def _known_key(self, one: FormField) -> str | None:
        return self._known.get(one.key)

    def _by_look(
        self, meaning: str, looks: Callable[[FormField, str], bool], fields: list[FormField]
    ) -> list[FormField]:
        """Takes the first value that looks like it, whatever its label says."""
        for position, each in enumerate(fields):
            texts = texts_of(each.value)
            if len(texts) == 1 and not isinstance(each.value, bool) and looks(each, texts[0]):
                self._take(meaning, each)
                return [*fields[:position], *fields[position + 1 :]]
        return fields

    def _repeats(self, meaning: str, one: FormField) -> bool:
        """Whether a field without a meaning holds nothing but the address or number that is known already."""
        known, texts = str(self._found.get(meaning, "")), texts_of(one.value)
        return len(texts) == 1 and bool(known) and texts[0].lower() == known.lower()

    def _take(self, meaning: str | None, one: FormField, *, by_mapping: bool = False) -> bool:
        """Takes a value for a field of the lead that is still empty."""
        known = by_mapping or one.key in self._known
        if meaning is None or (meaning.startswith("consent.") and not (self._asks_consent or by_mapping)):
            return False
        if meaning in _SINGLE and isinstance(one.value, list):
            texts = list(dict.fromkeys(texts_of(one.value)))
            return self._take_first(meaning, one, texts, by_mapping=by_mapping)
        value = value_of(meaning, one.value)
        if is_empty(value) or not fits(meaning, value):
            return False
        if meaning in _NEVER_A_TICK and not known and read_boolean(texts_of(value)[0]) is not None:
            return False
        if meaning in self._found:
            # The same value under a second name says nothing new.
            return bool(texts_of(self._found[meaning]) == texts_of(value))
        if meaning == "email" and not known and not may_be_address(value):
            return False
        if meaning == "phone" and isinstance(one.value, int | float):
            self._flags["phone_from_number"] = None
        if meaning == "name":
            words = map(fold_name, (one.key, one.label))
            self._name_or_part = not known and not NAME_OR_PART.isdisjoint(words)
        self._found[meaning] = value
        return True

    def _take_first(self, meaning: str, one: FormField, texts: list[str], *, by_mapping: bool) -> bool:
        """Takes the first of several addresses or numbers. The others stay, for somebody to look at."""
        for place, text in enumerate(texts):
            if self._take(meaning, replace(one, value=text), by_mapping=by_mapping):
                others = [*texts[:place], *texts[place + 1 :]]
                self._repeated += [replace(one, value=each) for each in others]
                return True
        return False

    def _take_consent(self, one: FormField) -> bool:
        """Takes a tick below a sentence such as `I agree to receive e-mails`, also one that is unclear."""
        channels = consents_of(one)
        # A list, because all are taken.
        return bool(channels) and any([self._take(f"consent.{each}", one) for each in channels])  # noqa: C419

    def _lead(self) -> dict[str, Any]:
        found = dict(self._found)
        whole = str(found.pop("name", "") or "")
        if whole:
            self._put_name(found, whole)
        constants = {name: value for name, value in self._mapping.constants.items() if name not in found}
        if "name" in constants:
            self._put_name(found, str(constants.pop("name")))
        return nest({**constants, **found})

    def _put_name(self, found: dict[str, Any], whole: str) -> None:
        """Put a whole name as its parts. One that may be split elsewhere is also kept whole."""
        part = other_part(found.keys()) if self._name_or_part else FULL_NAME
        if part != FULL_NAME:
            found[part] = whole
            return
        parts = [found[name] for name in ("first_name", "last_name") if name in found]
        if not parts:
            found.update(split_full_name(whole))
        if " ".join(parts) != whole if parts else not is_certain(whole):
            found.setdefault("attributes.full_name", whole)


CONTEXT: Final[Mapping[str, str]] = {
    name: f"attributes.{name}" for name in ("form_id", "form_name", "page_id", "page_name", "variant")
} | {name: name for name in ("ip", "timezone")}
"""What a tool says around the answers, by the keys that `context` gives it."""


def context(**values: Any) -> list[FormField]:
    """What a tool says around the answers. A mapping may name it, as any other field."""
    return [FormField(name, value) for name, value in values.items()]


def nest(found: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by dotted names as the nested fields of a lead."""
    lead: dict[str, Any] = {}
    for name, value in found.items():
        parent, dot, rest = name.partition(".")
        if dot and parent in ("utm", "click_ids", "consent", "crm", "attributes"):
            lead.setdefault(parent, {})[rest] = value
        else:
            lead[name] = value
    return lead


def _query_of(address: str) -> Iterator[tuple[str, str]]:
    try:
        query = urlsplit(address).query.replace("&amp;", "&")
        pairs = parse_qsl(query, max_num_fields=200)
    except ValueError:
        return
    yield from ((name, value) for name, value in pairs if tracking_of(name) is not None)


def _names_of(one: FormField) -> set[str]:
    """What a mapping may call a field: its key, its label, or its name, also in other spelling."""
    names = (one.key, one.label, one.name)
    return {*names, *map(fold_label, names)} - {""}


def _by_type(one: FormField) -> str | None:
    return None if isinstance(one.value, bool) else _BY_TYPE.get(one.type.lower())


def _by_key(one: FormField) -> str | None:
    """What the key says. Next to a label, a numbered key says nothing: the tool made it up."""
    if isinstance(one.value, bool) or (one.label and _NUMBERED.search(one.key)):
        return None
    return meaning_of(one.key)


def _by_numbered_key(one: FormField) -> str | None:
    meaning = None if isinstance(one.value, bool) else meaning_of(one.key)
    return meaning if meaning != "attributes.message" else None


def _by_label(one: FormField) -> str | None:
    return None if isinstance(one.value, bool) or not one.label else meaning_of(one.label)


def _by_sentence(one: FormField) -> str | None:
    return None if isinstance(one.value, bool) else sentence_of(one.label or one.key)


def _attributes(fields: Iterable[FormField], taken: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What is left, by its name, its label, or its key. No two have one name."""
    names = set(taken)
    for each in fields:
        plain = (each.name or each.label or each.key).strip().replace("\n", " ").replace("．", ".")[:MAX_NAME]
        if not plain:
            continue
        name, number = plain, 1
        while name in names:
            number += 1
            name = f"{plain}_{number}"
        names.add(name)
        yield name, storable(each.value)


_LATER: Final = (of_the_visit, of_a_person, of_a_company, _by_numbered_key, _by_sentence)
"""What is asked of fields whose names and labels say nothing."""
