"""Intercom: contacts, as its webhooks send them."""

import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.forms.vendors.base import (
    Delivery,
    FormAnswer,
    FormEvent,
    FormRequest,
    FormTerms,
    Meaning,
    PlainForm,
    Proof,
    Unreadable,
    Verified,
)
from app.forms.vendors.bodies import read_json
from app.forms.vendors.fields import MappedFields, map_fields
from app.forms.vendors.form_field import FormField
from app.forms.vendors.proof import check_signature
from app.webhooks.vendors.payloads import (
    dedupe_key,
    identifier,
    identifiers,
    listed,
    mapping,
    moment,
    text,
)

_MEANINGS: Final[Mapping[str, Meaning]] = {
    "lead.created": "lead", "user.created": "lead", "created": "lead",
    "lead.added_email": "update", "added_email": "update", "email.updated": "update",
    "lead.updated": "update", "user.updated": "update", "updated": "update", "lead.signed_up": "update",
    "signed_up": "update", "user.email.updated": "update",
    "unsubscribed": "event", "user.unsubscribed": "event", "lead.unsubscribed": "event",
    "merged": "merge",
}  # fmt: skip
"""What a topic means, without `contact.` in front."""
_KNOWN: Final[Mapping[str, str]] = {
    "\0email": "email", "\0phone": "phone", "\0name": "name", "\0company": "company",
    "\0companies": "attributes.companies", "\0country": "country", "\0state": "state", "\0city": "city",
    "\0language": "language", "\0role": "attributes.role", "\0user_id": "attributes.user_id",
    "\0referrer": "referrer",
}  # fmt: skip
_NAMES_ONE: Final = re.compile(
    r"^(?:contacts?|users?|leads?|visitors?|from|into|to|source|target|sources|primary|secondary)$|merge|duplicate"
    r"|surviv|winner|winning|loser|losing|(?:old|new|from|into|source|target|primary|secondary)_(?:contact|user|id)"
)
"""Places in a body about contacts that became one, under which one of them stands."""
_REMAINS: Final = re.compile(r"into|^to$|target|primary|surviv|winn|^user|^contact|^new_")
_LOCATION: Final = (
    ("country_code", "country"),
    ("country", "country"),
    ("region", "state"),
    ("city", "city"),
)


class Intercom(PlainForm):
    """Implements FormKind."""

    kind = "intercom"
    proof: Proof = "required"
    retries = frozenset((429,))

    def handshake(self, request: FormRequest, terms: FormTerms) -> FormAnswer | None:
        """Intercom asks with HEAD whether the address exists."""
        del terms
        return FormAnswer(200) if request.method == "HEAD" else None

    def verify(self, request: FormRequest, terms: FormTerms, now: datetime) -> Verified:
        del now
        return check_signature(
            terms.secrets,
            request.headers.get("x-hub-signature"),
            lambda secret: [b"sha1=" + hmac.digest(secret, request.body, "sha1").hex().encode()],
        )

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One delivery. Topics that are not about a contact are ignored."""
        document = mapping(read_json(request))
        topic, item = text(document.get("topic")), mapping(mapping(document.get("data")).get("item"))
        if not topic:
            raise Unreadable("has no topic")
        at = moment(document.get("created_at")) or moment(document.get("first_sent_at"))
        id_ = identifier(document.get("id")) or dedupe_key(
            "intercom", topic, at, sorted(map(str, item.items()))
        )
        short = topic.removeprefix("contact.")
        meaning = _MEANINGS.get(short)
        if meaning is None:
            return [Delivery("ignore", id_, at=at)]
        contact, merges = _merged(item) if meaning == "merge" else (_contact(item), ())
        record = identifier(contact.get("id")) or ""
        if not contact or (meaning == "merge" and not record):
            raise Unreadable("has no contact")
        if meaning == "merge" and not merges:
            # Nobody says which contact is no more.
            meaning = "update"
        found = _mapped(contact, terms)
        # Somebody who chats is known by this id alone until they leave an address.
        known_by = {"external_id": record} if record and meaning in ("lead", "update") else {}
        return [
            Delivery(
                meaning,
                id_,
                record=record,
                lead={**known_by, **found.lead},
                at=at,
                events=tuple(_events(short, id_, at)),
                merges=merges,
                flags=found.flags,
                unmapped=found.unmapped if meaning != "event" else {},
                trigger="chat",
            )
        ]


def _contact(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The contact, which some topics put into an object of their own."""
    inner = mapping(item.get("contact")) or mapping(item.get("user"))
    return inner or item


def _events(topic: str, id_: str, at: datetime | None) -> Iterator[FormEvent]:
    if topic.endswith("unsubscribed"):
        yield FormEvent("unsubscribed", id_, at, {"via": "email", "channel": "email"})


def _merged(item: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The contact that remains, and the ids of those that became one with it.

    The names of the places tell which is which: `into`, `user` and `contact` remain.
    """
    places = {name: list(_contacts_in(value)) for name, value in item.items() if _NAMES_ONE.search(name)}
    remains = [each for name, found in places.items() if _REMAINS.search(name) for each in found]
    gone = [each for name, found in places.items() if not _REMAINS.search(name) for each in found]
    own = identifier(item.get("id"))
    if own is not None and text(item.get("type")) in ("", "contact", "user", "lead"):
        remains.insert(0, item)
    survivor = remains[0] if remains else gone.pop(0) if gone else {}
    others = [identifier(each.get("id")) for each in (*gone, *remains[1:])]
    kept = identifier(survivor.get("id"))
    return survivor, tuple(dict.fromkeys(each for each in others if each is not None and each != kept))


def _contacts_in(value: Any) -> Iterator[Mapping[str, Any]]:
    """The contacts of a value: objects, lists of them, or their ids alone."""
    if isinstance(value, list):
        for each in value:
            yield from _contacts_in(each)
    elif isinstance(value, dict):
        if identifier(value.get("id")) is not None:
            yield value
        else:
            yield from _contacts_in(value.get("data") or value.get("contacts"))
    elif (id_ := identifier(value)) is not None:
        yield {"id": id_}


def _mapped(contact: Mapping[str, Any], terms: FormTerms) -> MappedFields:
    location = mapping(contact.get("location")) or mapping(contact.get("location_data"))
    places = [(name, value) for key, name in _LOCATION if (value := _place(location, key))]
    companies = list(_companies(contact))
    fields = [
        FormField("\0email", contact.get("email"), name="email"),
        FormField("\0phone", contact.get("phone"), name="phone"),
        FormField("\0name", contact.get("name"), name="name"),
        *(FormField(f"\0{name}", value, name=name) for name, value in dict(reversed(places)).items()),
        FormField("\0company", companies[0] if companies else None, name="company"),
        # Which of several is meant, nobody says.
        FormField("\0companies", companies if len(companies) > 1 else None, name="companies"),
        FormField(
            "\0language", contact.get("language_override") or contact.get("browser_language"), name="language"
        ),
        FormField("\0role", contact.get("role"), name="role"),
        FormField(
            "\0user_id", identifier(contact.get("external_id") or contact.get("user_id")), name="user_id"
        ),
        FormField("\0referrer", contact.get("referrer"), name="referrer"),
        *(FormField(name, value) for name, value in mapping(contact.get("custom_attributes")).items()),
    ]
    found = map_fields(fields, terms.mapping, _KNOWN)
    return found.with_utm({name: value for name, value in contact.items() if name.startswith("utm_")})


def _place(location: Mapping[str, Any], key: str) -> str:
    return text(location.get(key)) or text(location.get(f"{key}_name" if key != "country_code" else key))


def _companies(contact: Mapping[str, Any]) -> list[str]:
    """The names of the companies, each once."""
    companies = contact.get("companies")
    held = mapping(companies)
    several = (
        listed(held.get("data") or held.get("companies"))
        if isinstance(companies, dict)
        else listed(companies)
    )
    names = [text(mapping(each).get("name")) for each in several]
    return identifiers([name for name in names if name])
