"""Builds the directory from its stored records."""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from app.engine.model.directory import Absence, Caps, Cover, Directory, Member, Owner, Ramp, Team
from app.engine.model.steps import at_once
from app.plan.language.durations import parse_iso
from app.plan.language.hours import Hours, read_hours
from app.values.languages import spoken

_COVERS: tuple[Literal["owner", "team"], ...] = ("owner", "team")
DirectoryRecord = tuple[str, str, Mapping[str, Any]]
"""Resource type, id and body. The body of a table is only its revision."""
ChangedRecord = tuple[str, str, Mapping[str, Any] | None]
"""The same. Without a body, the record was deleted."""
Value = TypeVar("Value")


def directory_from(version: int, records: Iterable[DirectoryRecord]) -> Directory:
    """The directory of these records. Resource types that the engine does not use are ignored."""
    return at_once(directory_in_steps(version, records))


def directory_in_steps(version: int, records: Iterable[DirectoryRecord]) -> Generator[None, None, Directory]:
    """The same with a pause after each record: there can be thousands of them.

    The body of a record is freed as soon as it is read, or all of them would be at once.
    """
    bodies: dict[str, dict[str, Any]] = {}
    for resource_type, id_, body in records:
        bodies.setdefault(resource_type, {})[id_] = body
        yield
    absences: dict[str, list[Absence]] = {}
    for id_, body in bodies.get("absences", {}).items():
        absences.setdefault(body["owner"], []).append(absence_from(id_, body))
        yield
    calendars = {id_: hours_from(body) for id_, body in bodies.get("calendars", {}).items()}
    owners: dict[str, Owner] = {}
    for id_, body in bodies.get("owners", {}).items():
        owners[id_] = owner_from(id_, body, absences.get(id_, ()), calendars)
        bodies["owners"][id_] = None
        yield
    teams: dict[str, Team] = {}
    for id_, body in bodies.get("teams", {}).items():
        teams[id_] = team_from(id_, body)
        bodies["teams"][id_] = None
        yield
    tables = {id_: body["revision"] for id_, body in bodies.get("tables", {}).items()}
    reader, deliver = _outbox_of(bodies.get("settings", {}).get("actions", {}))
    return Directory(version, owners, teams, calendars, tables, reader, deliver)


def _outbox_of(settings: Mapping[str, Any]) -> tuple[bool, Mapping[str, str]]:
    return settings.get("reader", False), settings.get("deliver", {})


def directory_after(
    directory: Directory, version: int, changed: Iterable[ChangedRecord]
) -> Generator[None, None, Directory]:
    """The directory after these records were created, replaced or deleted. All others are as they were.

    Pauses after each record.
    """
    bodies: dict[str, dict[str, Mapping[str, Any] | None]] = {}
    for resource_type, id_, body in changed:
        bodies.setdefault(resource_type, {})[id_] = body
    calendars = yield from _after(directory.calendars, bodies.get("calendars", {}), _hours_of)
    before = directory.owners

    def owner(id_: str, body: Mapping[str, Any]) -> Owner:
        return owner_from(id_, body, before[id_].absences if id_ in before else (), calendars)

    owners = yield from _after(before, bodies.get("owners", {}), owner)
    if "calendars" in bodies:
        for id_, each in owners.items():
            if each.calendar in bodies["calendars"]:
                owners[id_] = replace(each, hours=calendars.get(each.calendar))
    _change_absences(owners, bodies.get("absences", {}))
    outbox = directory.outbox_reader, directory.deliver
    if "actions" in bodies.get("settings", {}):
        outbox = _outbox_of(bodies["settings"]["actions"] or {})
    teams = yield from _after(directory.teams, bodies.get("teams", {}), team_from)
    tables = yield from _after(directory.tables, bodies.get("tables", {}), _revision_of)
    return Directory(version, owners, teams, calendars, tables, *outbox)


def _hours_of(_: str, body: Mapping[str, Any]) -> Hours:
    return hours_from(body)


def _revision_of(_: str, body: Mapping[str, Any]) -> int:
    return int(body["revision"])


def _after(
    before: Mapping[str, Value],
    bodies: Mapping[str, Mapping[str, Any] | None],
    value_from: Callable[[str, Mapping[str, Any]], Value],
) -> Generator[None, None, dict[str, Value]]:
    after = dict(before)
    for id_, body in bodies.items():
        if body is None:
            after.pop(id_, None)
        else:
            after[id_] = value_from(id_, body)
        yield
    return after


def _change_absences(owners: dict[str, Owner], bodies: Mapping[str, Mapping[str, Any] | None]) -> None:
    if not bodies:
        return
    changed: dict[str, list[Absence]] = {
        id_: [absence for absence in owner.absences if absence.id not in bodies]
        for id_, owner in owners.items()
        if not bodies.keys().isdisjoint(absence.id for absence in owner.absences)
    }
    for id_, body in bodies.items():
        if body is not None and (owner := owners.get(body["owner"])) is not None:
            changed.setdefault(owner.id, list(owner.absences)).append(absence_from(id_, body))
    for owner_id, absences in changed.items():
        in_order = tuple(sorted(absences, key=lambda absence: (absence.start, absence.id)))
        owners[owner_id] = replace(owners[owner_id], absences=in_order)


def absence_from(id_: str, body: Mapping[str, Any]) -> Absence:
    """One absence."""
    cover, entered = body.get("cover"), body.get("entered_at")
    return Absence(
        parse_iso(body["from"]),
        parse_iso(body["to"]),
        id_,
        next((Cover(kind, cover[kind]) for kind in _COVERS if cover.get(kind)), None) if cover else None,
        body.get("open_leads") == "move",
        parse_iso(entered) if entered else None,
    )


def hours_from(body: Mapping[str, Any]) -> Hours:
    """The hours of a calendar."""
    return read_hours(body["hours"], body["timezone"], body.get("country"))


def owner_from(
    id_: str,
    body: Mapping[str, Any],
    absences: Iterable[Absence] = (),
    calendars: Mapping[str, Hours] | None = None,
) -> Owner:
    """One owner. Missing values take the defaults of the API."""
    paused = body.get("paused_until")
    return Owner(
        id=id_,
        name=body.get("name") or id_,
        email=body.get("email"),
        crm=body.get("crm") or {},
        active=body.get("active", True),
        paused_until=parse_iso(paused) if paused else None,
        zone=ZoneInfo(body.get("timezone") or "UTC"),
        skills=frozenset(skill.casefold() for skill in body.get("skills") or ()),
        languages=frozenset(spoken(body.get("languages") or ())),
        caps=caps_from(body.get("caps")),
        absences=tuple(sorted(absences, key=lambda absence: (absence.start, absence.id))),
        calendar=body.get("calendar"),
        hours=(calendars or {}).get(body.get("calendar") or ""),
        delegate=body.get("delegate"),
    )


def team_from(id_: str, body: Mapping[str, Any]) -> Team:
    """One team, with its members in the order of the record."""
    members = tuple(
        Member(
            member["owner"],
            weight_from(member.get("weight", 1)),
            caps_from(member.get("caps")),
            ramp_from(member.get("ramp")),
        )
        for member in body.get("members") or ()
    )
    return Team(id_, body.get("name") or id_, members, body.get("pick") or "round_robin")


def ramp_from(body: Mapping[str, Any] | None) -> Ramp | None:
    """The ramp of a new member. Factors have at most three decimals, so nothing is lost."""
    return Ramp(weight_from(body["factor"]), date.fromisoformat(body["until"])) if body else None


def weight_from(weight: float | int | str) -> int:
    """A weight in thousandths. Weights have at most three decimals, so nothing is lost."""
    return int(Decimal(str(weight)) * 1000)


def caps_from(body: Mapping[str, Any] | None) -> Caps | None:
    """Caps, or None when no limit is set, so that owners without limits cost nothing."""
    if not body:
        return None
    rolling = tuple((rule["count"], timedelta(hours=rule["hours"])) for rule in body.get("rolling") or ())
    caps = Caps(body.get("open"), body.get("per_day"), body.get("per_week"), rolling)
    return None if caps == Caps() else caps
