"""The stored format of a decision's inputs: the one place that writes and reads it.

The inputs are the request, the time, and the state of every owner considered. The directory and the plan are
kept elsewhere and named by version. Every key is written out here, so a field can be renamed without changing
what is stored. Inputs of earlier engines must still decode and replay (`tests/engine/model/golden`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.engine.followup.contact import contact_from_json
from app.engine.life.clocks import PriorClock
from app.engine.lookup.tables import NO_TABLES, RecalledRows, RowMatch, Tables
from app.engine.model.accounts import CANDIDATE_KEYS, Account, AccountMatch
from app.engine.model.decision import (
    ColleagueOwner,
    Decision,
    DecisionRequest,
    ExistingOwnership,
    PossibleDuplicate,
    PriorAssignment,
    Suppression,
    Target,
)
from app.engine.model.filled import FilledField, with_origins
from app.engine.model.state import Facts, State, StateKeys
from app.plan.language.durations import parse_iso
from app.plan.language.fields import LEAD, Kind

ENGINE_VERSION = "7"
"""Goes up with every change that may decide differently, or trace differently."""

_TIMESTAMPS = tuple(name for name, known in LEAD.fields.items() if known.kind is Kind.TIMESTAMP)
_REPLY_KEYS = {"plug_in": "plugin", "verdict": "verdict", "error": "error"}
"""The stored key of each part of a plugin's reply."""


def to_json(request: DecisionRequest, plan_version: int, facts: Facts, decision: Decision) -> dict[str, Any]:
    """The inputs of `decision`, taken before it is applied. Values are JSON or aware datetimes."""
    asked = request_to_json(request)
    if request.plugin_replies:
        asked["advice"] = _replies_to_json(request.plugin_replies, decision)
    inputs = {
        "engine": ENGINE_VERSION,
        "plan": plan_version,
        "directory": facts.directory.version,
        "now": facts.now,
        "question": asked,
        "state": facts.state.to_json(_consulted(decision, facts.state, releases=request.kind == "release")),
    }
    if facts.tables is not NO_TABLES:
        inputs["rows"] = _matches_to_json(decision, facts.tables)
    return inputs


def from_json(inputs: Mapping[str, Any]) -> tuple[DecisionRequest, State, datetime]:
    """The request, the state and the time of stored inputs."""
    state = State()
    state.apply_delta(inputs["state"])
    return request_from_json(inputs["question"]), state, parse_iso(inputs["now"])


def tables_from_json(inputs: Mapping[str, Any]) -> Tables:
    """The table rows that the decision found."""
    stored = inputs.get("rows")
    return RecalledRows({rule: match_from_json(row) for rule, row in stored.items()}) if stored else NO_TABLES


def request_to_json(request: DecisionRequest) -> dict[str, Any]:
    """A request, without the replies of plugins."""
    stored: dict[str, Any] = {
        "kind": request.kind,
        "assignment_id": request.assignment_id,
        "lead_id": request.lead_id,
        "values": request.values,
        "exclude": sorted(request.exclude),
        "prior": prior_to_json(request.prior) if request.prior else None,
        "to": target_to_json(request.to) if request.to else None,
        "queue": request.queue,
        "note": request.note,
        "account": account_match_to_json(request.account) if request.account else None,
    }
    if request.present_owner is not None:
        stored["present_owner"] = request.present_owner
    if request.owned is not None:
        owned = request.owned
        stored["owned"] = {"owner": owned.owner, "team": owned.team, "since": owned.since}
    if request.same_submission:
        stored["same_submission"] = True
    if request.news:
        stored["news"] = list(request.news)
    if request.possible_duplicates:
        stored["possible"] = [each.to_json() for each in request.possible_duplicates]
    if request.suppression is not None:
        stored["suppression"] = [request.suppression.list, request.suppression.matched_by]
    stored |= _found_out_to_json(request)
    stored |= _others_to_json(request)
    if request.contact is not None and (contact := request.contact.to_json()):
        stored["contact"] = contact
    return stored if request.kind == "assign" else stored | _move_to_json(request)


def _found_out_to_json(request: DecisionRequest) -> dict[str, Any]:
    """What was found out before the lock. What is empty is left out."""
    if not (request.filled or request.degraded or request.degraded_codes or request.counts):
        return {}
    found = {
        "filled": {name: [each.value, each.origin] for name, each in request.filled.items()},
        "degraded": list(request.degraded),
        "degraded_codes": dict(request.degraded_codes),
        "counts": dict(request.counts),
    }
    return {name: each for name, each in found.items() if each}


def _others_to_json(request: DecisionRequest) -> dict[str, Any]:
    """What is known of other leads. What is the default is left out."""
    stored: dict[str, Any] = {}
    if request.colleagues:
        stored["colleagues"] = [list(each) for each in request.colleagues]
    if request.same_person is not None:
        stored["same_person"] = list(request.same_person)
    if request.review:
        stored["review"] = True
    return stored


def _move_to_json(request: DecisionRequest) -> dict[str, Any]:
    """What only a stored lead is moved with. What is the default is left out."""
    types = list(request.action_types) if request.action_types is not None else None
    move = {
        "actor": request.actor,
        "handoff": request.handoff,
        "team": request.team,
        "action_types": types,
        "ladder": [target_to_json(each) for each in request.ladder] or None,
        "reject_reason": request.reject_reason,
        "backlog": request.backlog or None,
        "count_turn": request.count_turn or None,
    }
    return {name: value for name, value in move.items() if value is not None}


def request_from_json(stored: Mapping[str, Any]) -> DecisionRequest:
    """A request with everything it was decided from."""
    prior, to, account, owned = (stored.get(key) for key in ("prior", "to", "account", "owned"))
    suppressed, same_person = stored.get("suppression"), stored.get("same_person")
    return DecisionRequest(
        kind=stored["kind"],
        assignment_id=stored["assignment_id"],
        lead_id=stored["lead_id"],
        values=lead_fields_from_json(stored["values"]),
        exclude=frozenset(stored["exclude"]),
        prior=prior_from_json(prior) if prior else None,
        to=target_from_json(to) if to else None,
        queue=stored["queue"],
        note=stored.get("note"),
        actor=stored.get("actor"),
        account=account_match_from_json(account) if account else None,
        owned=ExistingOwnership(owner=owned["owner"], team=owned["team"], since=parse_iso(owned["since"]))
        if owned
        else None,
        present_owner=stored.get("present_owner"),
        plugin_replies={step: _reply_from_json(reply) for step, reply in stored.get("advice", {}).items()},
        same_submission=stored.get("same_submission", False),
        news=tuple(stored.get("news", ())),
        handoff=stored.get("handoff"),
        possible_duplicates=tuple(PossibleDuplicate(**each) for each in stored.get("possible", ())),
        team=stored.get("team"),
        action_types=tuple(stored["action_types"]) if "action_types" in stored else None,
        ladder=tuple(target_from_json(each) for each in stored.get("ladder", ())),
        suppression=Suppression(*suppressed) if suppressed else None,
        contact=contact_from_json(stored["contact"]) if "contact" in stored else None,
        reject_reason=stored.get("reject_reason"),
        backlog=stored.get("backlog", 0),
        count_turn=stored.get("count_turn", False),
        filled=_filled_of(stored),
        degraded=tuple(stored.get("degraded", ())),
        degraded_codes=stored.get("degraded_codes", {}),
        counts=stored.get("counts", {}),
        same_person=ColleagueOwner(*same_person) if same_person else None,
        review=stored.get("review", False),
        colleagues=tuple(ColleagueOwner(*each) for each in stored.get("colleagues", ())),
    )


def lead_fields_from_json(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A lead's fields. Fields that the catalog calls timestamps become datetimes again."""
    fields = dict(stored)
    for name in _TIMESTAMPS:
        if name in fields:
            fields[name] = _timestamp(fields[name])
    if "engagement" in fields:
        fields["engagement"] = [
            {**item, "at": _timestamp(item["at"])} if "at" in item else item for item in fields["engagement"]
        ]
    return fields


def lead_fields_of(question: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of the lead of a stored request, with those that were filled."""
    return with_origins(lead_fields_from_json(question["values"]), _filled_of(question))


def _filled_of(question: Mapping[str, Any]) -> dict[str, FilledField]:
    return {name: FilledField(*each) for name, each in question.get("filled", {}).items()}


def _timestamp(stored: str) -> datetime | str:
    """A timestamp, or the text that intake could not read."""
    try:
        return parse_iso(stored)
    except ValueError:
        return stored


def prior_to_json(prior: PriorAssignment) -> dict[str, Any]:
    """The assignment that a returning lead had."""
    stored: dict[str, Any] = {
        "lead_id": prior.lead_id,
        "assignment_id": prior.assignment_id,
        "matched_by": prior.matched_by,
        "state": prior.state,
        "owner": prior.owner,
        "team": prior.team,
        "queue": prior.queue,
        "path": prior.path,
        "block": prior.block,
        "priority": prior.priority,
        "decided_at": prior.decided_at,
        "held_until": prior.held_until,
        "held_owner": prior.held_for_owner,
        "held_team": prior.held_for_team,
    }
    if prior.clocks:
        stored["clocks"] = [
            [each.kind, each.sla, each.started_at, each.reminded, each.state] for each in prior.clocks
        ]
    if prior.touched_at is not None:
        stored["touched_at"] = prior.touched_at
    return stored


def prior_from_json(stored: Mapping[str, Any]) -> PriorAssignment:
    """The assignment that a returning lead had."""
    held_until = stored.get("held_until")
    return PriorAssignment(
        lead_id=stored["lead_id"],
        assignment_id=stored["assignment_id"],
        matched_by=stored["matched_by"],
        state=stored["state"],
        owner=stored["owner"],
        team=stored["team"],
        queue=stored["queue"],
        path=stored["path"],
        block=stored["block"],
        priority=stored["priority"],
        decided_at=parse_iso(stored["decided_at"]),
        held_until=parse_iso(held_until) if held_until else None,
        held_for_owner=stored.get("held_owner"),
        held_for_team=stored.get("held_team"),
        clocks=tuple(
            PriorClock(kind, sla, parse_iso(started_at), reminded, state)
            for kind, sla, started_at, reminded, state in stored.get("clocks", ())
        ),
        touched_at=parse_iso(stored["touched_at"]) if stored.get("touched_at") else None,
    )


def target_to_json(target: Target) -> dict[str, Any]:
    """A target. A value that is the default is left out."""
    stored = {
        "kind": target.kind,
        "name": target.name,
        "pick": target.pick,
        "priority": target.priority or None,
        "skills": list(target.skills),
        "languages": list(target.languages),
        "off_hours": target.off_hours,
        "sla": target.sla,
        "match": list(target.match),
        "hold": target.hold.total_seconds() if target.hold is not None else None,
        "exempt": target.ignore_caps or None,
        "code": target.code,
    }
    return {key: value for key, value in stored.items() if value not in (None, [])}


def target_from_json(stored: Mapping[str, Any]) -> Target:
    """A target."""
    hold = stored.get("hold")
    return Target(
        kind=stored["kind"],
        name=stored["name"],
        pick=stored.get("pick"),
        priority=stored.get("priority", 0),
        skills=tuple(stored.get("skills", ())),
        languages=tuple(stored.get("languages", ())),
        off_hours=stored.get("off_hours"),
        sla=stored.get("sla"),
        match=tuple(stored.get("match", ())),
        hold=timedelta(seconds=hold) if hold is not None else None,
        ignore_caps=stored.get("exempt", False),
        code=stored.get("code"),
    )


def account_match_to_json(match: AccountMatch) -> dict[str, Any]:
    """The account of a lead, its parents, and every account that was considered."""
    stored: dict[str, Any] = {
        "account": _account_to_json(match.account) if match.account else None,
        "matched_by": match.matched_by,
        "parents": [_account_to_json(parent) for parent in match.parents],
        "candidates": [_candidate(each) for each in match.candidates],
    }
    if match.rule is not None:
        stored["rule"] = match.rule
    if match.review:
        stored["review"] = True
    return stored


def account_match_from_json(stored: Mapping[str, Any]) -> AccountMatch:
    """The account of a lead, its parents, and every account that was considered."""
    return AccountMatch(
        account=_account_from_json(stored["account"]) if stored["account"] else None,
        matched_by=stored["matched_by"],
        parents=tuple(_account_from_json(parent) for parent in stored["parents"]),
        candidates=tuple(_candidate(each) for each in stored["candidates"]),
        review=stored.get("review", False),
        rule=stored.get("rule"),
    )


def _candidate(each: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each[name] for name in CANDIDATE_KEYS if name in each}


def _account_to_json(account: Account) -> dict[str, Any]:
    """What decisions see of an account. What is new since the first engine is left out if it is empty."""
    newer = {
        "city": account.city,
        "postal_code": account.postal_code,
        "country": account.country,
        "agency": account.agency or None,
    }
    return {name: value for name, value in newer.items() if value is not None} | {
        "id": account.id,
        "name": account.name,
        "parent": account.parent,
        "tier": account.tier,
        "owner": account.owner,
        "roles": account.roles,
        "customer_status": account.customer_status,
        "open_opportunity": account.open_opportunity,
        "attributes": account.attributes,
        "crm": account.crm,
    }


def _account_from_json(stored: Mapping[str, Any]) -> Account:
    return Account(
        id=stored["id"],
        name=stored["name"],
        parent=stored["parent"],
        tier=stored["tier"],
        owner=stored["owner"],
        roles=stored["roles"],
        customer_status=stored["customer_status"],
        open_opportunity=stored["open_opportunity"],
        attributes=stored["attributes"],
        crm=stored["crm"],
        city=stored.get("city"),
        postal_code=stored.get("postal_code"),
        country=stored.get("country"),
        agency=stored.get("agency", False),
    )


def match_to_json(match: RowMatch) -> dict[str, Any]:
    """What a rule found in its table. The columns are pairs, because stored keys are sorted."""
    stored: dict[str, Any] = {"table": match.table, "revision": match.revision}
    if match.row is not None:
        stored["row"] = match.row
    return {
        **stored,
        "by": [[column, how] for column, how in match.matched_by_column.items()],
        "target": match.target,
    }


def match_from_json(stored: Mapping[str, Any]) -> RowMatch:
    """What a rule found in its table."""
    return RowMatch(
        table=stored["table"],
        revision=stored["revision"],
        row=stored.get("row"),
        matched_by_column=dict(stored.get("by", ())),
        target=stored["target"],
    )


def _matches_to_json(decision: Decision, tables: Tables) -> dict[str, dict[str, Any]]:
    """What each rule found in its table, by the name of the rule."""
    found: dict[str, dict[str, Any]] = {}
    for step in decision.trace["steps"]:
        if "table" in step:
            table, row = step["table"], step.get("row")
            target = tables.target(table, row) if row is not None else None
            found[step["step"]] = match_to_json(
                RowMatch(table, step["revision"], row, step.get("matched_by_column", {}), target)
            )
    return found


def _replies_to_json(replies: Mapping[str, Mapping[str, Any]], decision: Decision) -> dict[str, Any]:
    """The replies that the decision used, by step."""
    steps = {entry["step"] for entry in decision.trace["steps"]}
    return {
        step: {key: reply[name] for key, name in _REPLY_KEYS.items() if name in reply}
        for step, reply in replies.items()
        if step in steps
    }


def _reply_from_json(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {name: stored[key] for key, name in _REPLY_KEYS.items() if key in stored}


def _consulted(decision: Decision, state: State, *, releases: bool = False) -> StateKeys:
    """The entries of the state that the decision looked at: those of every owner in the trace."""
    entries = StateKeys()
    if decision.owner is not None and decision.owner.id in state.loads:
        entries.loads.add(decision.owner.id)
    for step in decision.trace["steps"]:
        for attempt in step.get("targets", ()):
            owners = [one["owner"] for one in attempt.get("candidates", ())]
            entries.loads.update(owner for owner in owners if owner in state.loads)
            team = attempt["target"].get("team")
            if releases and team in state.backlogs:
                entries.backlogs.add(team)
            for found, all_ in (
                (entries.balances, state.balances),
                (entries.member_loads, state.member_loads),
            ):
                if team in all_:
                    found[team].update(owner for owner in owners if owner in all_[team])
    return entries
