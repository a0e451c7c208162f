"""Builds the directory from its stored records."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from app.engine.model.directory import Absence, Caps, Cover, Directory, Member, Owner, Ramp, Team
from app.plan.language.durations import parse_iso
from app.plan.language.hours import Hours, read_hours
from app.values.languages import spoken

_COVERS: tuple[Literal["owner", "team"], ...] = ("owner", "team")
DirectoryRecord = tuple[str, str, Mapping[str, Any]]
"""Resource type, id and body. The body of a table is only its revision."""


def directory_from(version: int, records: Iterable[DirectoryRecord]) -> Directory:
    """The directory of these records. Resource types that the engine does not use are ignored."""
    bodies: dict[str, dict[str, Mapping[str, Any]]] = {
        "owners": {},
        "teams": {},
        "absences": {},
        "calendars": {},
        "tables": {},
        "settings": {},
    }
    for resource_type, id_, body in records:
        bodies.setdefault(resource_type, {})[id_] = body
    absences: dict[str, list[Absence]] = {}
    for id_, body in bodies["absences"].items():
        absences.setdefault(body["owner"], []).append(absence_from(id_, body))
    calendars = {id_: hours_from(body) for id_, body in bodies["calendars"].items()}
    owners = {
        id_: owner_from(id_, body, absences.get(id_, ()), calendars) for id_, body in bodies["owners"].items()
    }
    teams = {id_: team_from(id_, body) for id_, body in bodies["teams"].items()}
    tables = {id_: body["revision"] for id_, body in bodies["tables"].items()}
    outbox = bodies["settings"].get("actions", {})
    reader, deliver = outbox.get("reader", False), outbox.get("deliver", {})
    return Directory(version, owners, teams, calendars, tables, reader, deliver)


def directory_with(
    directory: Directory,
    version: int,
    owners: Mapping[str, Mapping[str, Any]],
    teams: Mapping[str, Mapping[str, Any]],
) -> Directory:
    """The directory after these owners and teams were created or replaced. Everything else is as it was."""
    before = directory.owners
    changed = {
        id_: owner_from(id_, body, before[id_].absences if id_ in before else (), directory.calendars)
        for id_, body in owners.items()
    }
    return replace(
        directory,
        version=version,
        owners={**before, **changed},
        teams={**directory.teams, **{id_: team_from(id_, body) for id_, body in teams.items()}},
    )


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
        absences=tuple(sorted(absences, key=lambda absence: absence.start)),
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
