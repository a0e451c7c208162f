"""An erased owner: their id stands in place of their name and addresses, in the directory and in texts."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.engine.model.directory import Directory
from app.values.crm_ids import crm_id_key

MIN_CHARACTERS = 6
"""A shorter id of a CRM is replaced only where such ids stand: in other texts it may be any number."""


def unnamed_record(id_: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The stored record of an owner. Each value is replaced, so that what has no value still has none."""
    unnamed: dict[str, Any] = {name: id_ for name in ("name", "email") if body.get(name)}
    if body.get("crm"):
        unnamed["crm"] = dict.fromkeys(body["crm"], id_)
    return {**body, **unnamed}


def unnamed_in(directory: Directory, id_: str) -> Directory:
    """The directory as if the owner's record had always been like that."""
    owner = directory.owners.get(id_)
    if owner is None:
        return directory
    unnamed = replace(
        owner, name=id_, email=owner.email and id_, crm=dict.fromkeys(owner.crm, id_) if owner.crm else {}
    )
    return replace(directory, owners={**directory.owners, id_: unnamed})


@dataclass(frozen=True)
class FormerNames:
    """The names and addresses that an owner ever had, and how they are replaced.

    One word of a name may as well be another person, so only longer names are replaced where anybody wrote.
    """

    id: str
    names: frozenset[str]
    emails: frozenset[str]
    crm_ids: frozenset[str]
    _crm_keys: frozenset[str] = field(init=False)
    _terms: tuple[str, ...] = field(init=False)
    _found: "re.Pattern[str]" = field(init=False)
    _found_anywhere: "re.Pattern[str]" = field(init=False)

    def __post_init__(self) -> None:
        addresses = self.emails | {each for each in self.crm_ids if len(each) >= MIN_CHARACTERS}
        full = frozenset(name for name in self.names if len(name.split()) > 1)
        set_ = object.__setattr__
        terms = {json.dumps(each, ensure_ascii=False)[1:-1].casefold() for each in self.names | addresses}
        set_(self, "_terms", tuple(sorted(terms | {each.casefold() for each in self.crm_ids})))
        set_(self, "_crm_keys", frozenset(map(crm_id_key, self.crm_ids)))
        set_(self, "_found", _pattern(self.id, self.names, addresses))
        set_(self, "_found_anywhere", _pattern(self.id, full, addresses))

    def __bool__(self) -> bool:
        return bool(self.names or self.emails or self.crm_ids)

    def may_be_in(self, document: bytes) -> bool:
        """Whether a JSON document may name the owner. Quick, and never wrongly False."""
        text = document.decode("utf-8", "replace").casefold()
        return any(term in text for term in self._terms)

    def said(self, text: str) -> str:
        """A sentence of the service. It names owners, and nobody else."""
        return self._found.sub(self._instead, text)

    def written(self, text: str) -> str:
        """A text that anybody may have written."""
        return self._found_anywhere.sub(self._instead, text)

    def _instead(self, _: "re.Match[str]") -> str:
        # The id itself is found as well, and stays.
        return self.id

    def document(self, value: Any, *, texts: bool = True, key: str = "") -> Any:
        """A JSON document. Addresses are replaced where owners are shown or set, with `texts` anywhere."""
        match value:
            case str():
                if _names_owner(key) and crm_id_key(value) in self._crm_keys:
                    return self.id
                return self.written(value) if texts else value
            case Mapping():
                shown = value.get("id") == self.id and {"name", "email", "crm"} <= value.keys()
                of = unnamed_record(self.id, value) if shown else value
                return {
                    name: self.document(each, texts=texts, key=_key(name, key)) for name, each in of.items()
                }
            case list() | tuple():
                return [self.document(each, texts=texts, key=key) for each in value]
        return value

    def sentences(self, value: Any) -> Any:
        """The parameters of an action, in which every text may name the owner."""
        match value:
            case str():
                return self.said(value)
            case Mapping():
                return {name: self.sentences(each) for name, each in value.items()}
            case list() | tuple():
                return [self.sentences(each) for each in value]
        return value


def former_names(id_: str, bodies: Iterable[Mapping[str, Any]]) -> FormerNames:
    """The names and addresses in all records that an owner ever had."""
    names, emails, crm_ids = set[str](), set[str](), set[str]()
    for body in bodies:
        names |= {body["name"]} if body.get("name") else set()
        emails |= {body["email"]} if body.get("email") else set()
        crm_ids |= {str(each) for each in (body.get("crm") or {}).values()}
    own = {id_, ""}
    return FormerNames(id_, frozenset(names - own), frozenset(emails - own), frozenset(crm_ids - own))


def _key(name: str, around: str) -> str:
    """By which key a value is judged: that of the object around it, where that one holds CRM ids."""
    return around if around in ("crm", "expected_owner") and name != "lead_id" else name


def _names_owner(key: str) -> bool:
    return key in ("crm", "expected_owner") or "owner" in key.casefold()


def _pattern(id_: str, exact: Iterable[str], folded: Iterable[str]) -> "re.Pattern[str]":
    parts = {each: re.escape(each) for each in (id_, *exact)}
    parts |= {each: f"(?i:{re.escape(each)})" for each in folded}
    # The longest first: an address often begins with the id or the name, and an id may contain the name.
    longest_first = sorted(parts, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts[each] for each in longest_first)})(?!\w)")
