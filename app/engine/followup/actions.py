"""The actions that follow a decision, from the plan's follow-up blocks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from urllib.parse import quote

from app.engine.conditions.comparisons import Values, getter
from app.engine.conditions.condition import Condition, compile_condition
from app.engine.followup.contact import (
    CONSENT_MISSING,
    NO_TERMS,
    NOT_NOW,
    OF_CONSENT,
    STOPS,
    ContactFacts,
    Gate,
    Refusal,
)
from app.engine.followup.texts import Text
from app.engine.life.preferences import names_of
from app.engine.model.decision import Decision, SlaDeadlines
from app.engine.model.effort import MAX_ACTIONS, DecisionTooCostly
from app.plan.document.follow_ups import CONSOLE_LINK, NEEDED, Action, FollowUpBlock, Parameter
from app.plan.language.templates import Placeholder

_OF_ONE_LINE = frozenset(("title", "subject", "name", "via", "to", "channel"))
_CHANNEL_OF = {"sequence": "email", "chat": "chat"}
"""The channel through which actions of a type contact the person, unless they name another."""
_BY_PERSON = "task"
"""The type of what a person does. It is never put off, and only falls due later."""
_ALWAYS = frozenset(("type", "cause", "consent", "replaced_by"))
MAX_TEXTS = 100_000
"""The most characters of all texts of one decision. The texts after that are cut."""


class MadeAction(dict[str, Any]):
    """An action of a decision, as callers get it.

    `contact_names` are the names of the acts that close what it contacts the person through, none for an
    action that only lists and junk stop. It is None for one that contacts nobody. Callers do not see it.
    """

    __slots__ = ("contact_names",)

    def __init__(self, contact_names: tuple[str, ...] | None, **fields: Any) -> None:
        super().__init__(fields)
        self.contact_names = contact_names


@dataclass(frozen=True, slots=True)
class FollowUpResult:
    """The actions of a decision, the withheld ones, and the reason if there are none."""

    actions: tuple[dict[str, Any], ...] = ()
    withheld_actions: tuple[dict[str, Any], ...] = ()
    no_actions_reason: str | None = None


class FollowUp:
    """The compiled follow-up blocks of one plan. `contacts` says that some action contacts the person."""

    def __init__(self, blocks: Sequence[FollowUpBlock], queues: Mapping[str, Mapping[str, str]]) -> None:
        self._queues = queues
        self._blocks = [
            (
                compile_condition(block.when) if block.when is not None else None,
                [_Action(each) for each in block.do],
            )
            for block in blocks
        ]
        all_ = [each for _, actions in self._blocks for action in actions for each in action]
        self.contacts = any(each.contacts for each in all_)

    def after(
        self,
        decision: Decision,
        values: Values,
        now: datetime,
        shown: Values | None = None,
        gate: Gate | None = None,
    ) -> FollowUpResult:
        """The actions of every matching block, in the plan's order: type, parameters and due time.

        An action is withheld when the lead has not given the consent it needs. Its `without_consent` action
        takes its place. The `gate` also withholds what must not contact the person now. A returning lead with
        news gets the blocks for returning leads, and those of the step that it asks for now. `shown` are the
        fields that actions may hold, if not all.

        Raises DecisionTooCostly for more than MAX_ACTIONS.
        """
        if not self._blocks:
            return FollowUpResult(no_actions_reason="no_follow_up")
        gate = gate or Gate(NO_TERMS, ContactFacts(), now, decision.code)
        settled = _settled(decision)
        cases = [{**values, **settled}]
        if decision.asked is not None:
            settled |= _step_fields(*decision.asked)
            cases.append({**values, **settled})
        fitting = [
            actions
            for condition, actions in self._blocks
            if any(_fits(condition, asked, now) for asked in cases)
        ]
        if not fitting:
            return FollowUpResult(no_actions_reason="no_matching_block")
        if sum(map(len, fitting)) > MAX_ACTIONS:
            raise DecisionTooCostly
        context = self._context(decision, values if shown is None else shown, settled)
        made: list[dict[str, Any]] = []
        withheld_actions: list[dict[str, Any]] = []
        left_out: set[str] = set()
        room = MAX_TEXTS
        for action in chain.from_iterable(fitting):
            allowed = action.allowed(values, withheld_actions, gate)
            found = allowed.made(context, now, decision.sla, room, gate) if allowed is not None else None
            if found is not None:
                made.append(found)
                room -= sum(len(text) for text in found["params"].values() if isinstance(text, str))
            elif allowed is not None:
                left_out.add(allowed.type)
        return FollowUpResult(
            tuple(made),
            tuple(withheld_actions),
            None if made else _reason_for_none(withheld_actions, left_out),
        )

    def channel_of(self, type_: str, params: Mapping[str, Any]) -> str | None:
        """The channel through which an action of these blocks contacts the person, for caps.

        None if it does not, if it is transactional, or if no block makes such an action.
        """
        made = (each for _, actions in self._blocks for action in actions for each in action)
        return next((each.counted_channel for each in made if each.makes(type_, params)), None)

    def _context(self, decision: Decision, values: Values, settled: Mapping[str, str]) -> dict[str, Any]:
        """The values for templates and actions."""
        crm = decision.owner.crm if decision.owner is not None else self._queues.get(decision.queue or "", {})
        return {
            **settled,
            "lead": values,
            "account": values.get("account"),
            "owner": _owner(decision),
            "trigger": values.get("trigger"),
            "crm": crm,
        }


def compile_follow_up(
    blocks: Sequence[FollowUpBlock], queues: Mapping[str, Mapping[str, str]] | None = None
) -> FollowUp:
    """Compile the follow-up of a plan. `queues` gives the CRM ids of each queue."""
    return FollowUp(blocks, queues or {})


def _reason_for_none(withheld_actions: Sequence[Mapping[str, Any]], left_out: set[str]) -> str:
    causes: set[str] = {each["cause"] for each in withheld_actions}
    if causes & STOPS:
        return min(causes & STOPS)
    if causes:
        return CONSENT_MISSING if causes & OF_CONSENT else NOT_NOW
    if left_out == {CONSOLE_LINK}:
        return "no_owner"
    return "no_crm_id" if left_out <= {"set_owner", CONSOLE_LINK} else "missing_value"


def _fits(condition: Condition | None, values: Values, now: datetime) -> bool:
    return condition is None or condition.holds(values, now)


def _step_fields(step: str | None, strategy: str | None) -> dict[str, str]:
    """The step that decided as fields."""
    if step is None:
        return {}
    return {"step": step, "rule": step} if strategy == "rule" else {"step": step}


def _settled(decision: Decision) -> dict[str, str]:
    """The decision as fields. What does not apply is left out."""
    fields = {
        "outcome": decision.outcome,
        **_step_fields(decision.step, decision.strategy),
        "team": decision.team,
        "queue": decision.queue,
        "path": decision.path,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _owner(decision: Decision) -> Mapping[str, Any]:
    owner = decision.owner
    if owner is None:
        return {}
    return {
        "id": owner.id,
        "name": owner.name,
        "email": owner.email,
        "timezone": owner.zone.key,
        "crm": owner.crm,
    }


class _Action:
    """One compiled action."""

    def __init__(self, action: Action) -> None:
        self.type = action.type
        self._due = action.due
        self._params = [(name, _text_of(name, value)) for name, value in action.params.items()]
        self._fixed = {
            name: "".join(part for part in value if isinstance(part, str))
            for name, value in action.params.items()
            if isinstance(value, tuple) and not _has_places(value)
        }
        self._open = [name for name, value in action.params.items() if _has_places(value)]
        self._consent = action.consent
        self._topic, self._transactional = action.topic, action.transactional
        self._channel = action.contact or action.consent or _CHANNEL_OF.get(action.type)
        self._consented = getter(f"consent.{action.consent or self._channel}")
        self._instead = _Action(action.without_consent) if action.without_consent is not None else None

    @property
    def contacts(self) -> bool:
        """Whether it contacts the person, or lets somebody do so."""
        return self._channel is not None or self.type == _BY_PERSON

    @property
    def counted_channel(self) -> str | None:
        """The channel on which caps count it."""
        return None if self._transactional or self.type == _BY_PERSON else self._channel

    def makes(self, type_: str, params: Mapping[str, Any]) -> bool:
        """Whether an action of this type with these parameters can come from here."""
        return self.type == type_ and all(params.get(name) == text for name, text in self._fixed.items())

    def __iter__(self) -> "Iterator[_Action]":
        """This action, and those that take its place."""
        yield self
        if self._instead is not None:
            yield from self._instead

    def allowed(self, values: Values, withheld_actions: list[dict[str, Any]], gate: Gate) -> "_Action | None":
        """This action, or its replacement if the consent is missing. Notes withheld actions."""
        refusal = self._refusal(values, gate)
        if refusal is None:
            return self
        instead = self._instead if refusal.cause in OF_CONSENT else None
        withheld = {
            "type": self.type,
            "cause": refusal.cause,
            "channel": self._channel,
            "consent": self._consent,
            "replaced_by": instead.type if instead is not None else None,
            "not_before": refusal.not_before,
        }
        withheld_actions.append({name: each for name, each in withheld.items() if name in _ALWAYS or each})
        return instead.allowed(values, withheld_actions, gate) if instead is not None else None

    def _refusal(self, values: Values, gate: Gate) -> Refusal | None:
        channel = self._channel
        if gate.stop is not None:
            return Refusal(gate.stop) if channel is not None or self.type == _BY_PERSON else None
        if channel is None:
            return None
        if self._transactional:
            needed, refusal = self._consent is not None, None
            return Refusal(CONSENT_MISSING) if needed and self._consented(values) is not True else refusal
        needed = self._consent is not None or gate.needs_consent(channel)
        refused = gate.consent(self._consent or channel, self._topic, self._consented(values), needed=needed)
        refused = refused or gate.closed(channel, self._topic)
        if refused is not None or self.type == _BY_PERSON:
            return refused
        return gate.delay(channel)

    def made(
        self, context: Values, now: datetime, sla: SlaDeadlines | None, room: int, gate: Gate
    ) -> dict[str, Any] | None:
        """The action for the caller. None if the owner has no CRM id, or a required parameter is missing.

        A sign-in link is None without an owner.

        There is `room` for so many characters in each text.
        """
        room = max(room, 0)
        filled = (
            (name, text(context, room) if isinstance(text, Text) else text) for name, text in self._params
        )
        # Empty parameters are left out.
        params = {name: value for name, value in filled if value != ""}
        if self.type == "set_owner" and not self._params:
            if not context["crm"]:
                return None
            params = _in_crm(context)
        elif self.type == CONSOLE_LINK:
            if not context["owner"]:
                return None
            params |= _of_link(context["owner"])
        elif self._empty(params):
            return None
        due_at = _due_at(self._due, now, sla)
        made = MadeAction(self._contact_names(), type=self.type, params=params, due_at=due_at)
        if self._channel is None or self._transactional:
            return made
        if self.type == _BY_PERSON:
            made["due_at"] = due_at and gate.put_off(self._channel, due_at)
        elif gate.counts:
            gate.passes(self._channel)
            made["channel"] = self._channel
        return made

    def _contact_names(self) -> tuple[str, ...] | None:
        """See `MadeAction`."""
        if not self.contacts:
            return None
        channels = (self._channel, self._consent) if not self._transactional else ()
        names = (name for channel in channels if channel for name in names_of(channel, self._topic))
        return tuple(dict.fromkeys(names))

    def _empty(self, params: Mapping[str, object]) -> bool:
        """Whether a required parameter is missing. A task remains useful without its title."""
        if self.type == "set_owner":
            return bool(self._open) and not any(name in params for name in self._open)
        needed = NEEDED.get(self.type)
        return needed is not None and needed not in params and self.type != "task"


def _due_at(due: timedelta | str | None, now: datetime, sla: SlaDeadlines | None) -> datetime | None:
    """When an action is due: some time after the decision, or with a deadline of the SLA."""
    if isinstance(due, timedelta):
        return now + due
    if due is None or sla is None:
        return None
    return sla.accept_by if due == "accept" else sla.touch_by


def _in_crm(context: Values) -> dict[str, Any]:
    """The ids of the owner and the lead in each CRM."""
    lead = context["lead"].get("crm", {}).get("lead_id")
    ids = {"crm": dict(context["crm"])}
    return ids if lead is None else {**ids, "lead_id": lead}


def _of_link(owner: Mapping[str, Any]) -> dict[str, Any]:
    """Who is to get a sign-in link, and where it is asked for. The link itself is made when it is sent."""
    params = {"owner": owner["id"], "link_at": f"/owners/{quote(owner['id'], safe='')}/console-link"}
    return {**params, "crm": dict(owner["crm"])} if owner["crm"] else params


def _has_places(value: Parameter) -> bool:
    return isinstance(value, tuple) and any(isinstance(part, Placeholder) for part in value)


def _text_of(name: str, value: Parameter) -> "Text | int | float | bool":
    return Text(value, one_line=name in _OF_ONE_LINE) if isinstance(value, tuple) else value
