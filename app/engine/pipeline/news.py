"""What is new in a repeat: the fields that the plan reads and in which the lead differs from before.

Most of what changes between two submissions says nothing: ids, times, counters, and where a click came from.
A number is news only when it moves a condition, a row of a table, or the band.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.engine.compile.plan import Plan
from app.engine.conditions.comparisons import as_timestamp, getter, index_key
from app.engine.lookup.tables import Tables
from app.engine.model.decision import DecisionRequest
from app.engine.model.state import Facts
from app.engine.pipeline.decide import facts_of, with_account_fields, with_derived_fields
from app.engine.pipeline.returning_lead import OTHER_STEP, REROUTED
from app.engine.pipeline.walk import score_labels, walk
from app.plan.language.fields import LEAD, Kind
from app.values.numbers import bounds_of

_CLICK_IDS = """
gclid gclsrc gbraid wbraid dclid gadsource msclkid fbclid fbc fbp igshid igsh ttclid twclid lifatid yclid
ysclid rdtcid epik sccid scclid irclickid mcid mccid mceid hsenc hsmi vmcid gacid gaclientid gaclid clickid
clickref affid affclickid srsltid s2sclickid obclickid tblci tbclid qclid
"""
_TECHNICAL = """
ip ipaddress remoteip clientip useragent browser sessionid visitorid hutk fingerprint requestid eventid
entryid responseid submissionid formsubmissionid submitid messageid webhookid deliveryid eventuuid timestamp
submittedat createdat updatedat receivedat sentat
"""
_SAYS_NOTHING = frozenset((*_CLICK_IDS.split(), *_TECHNICAL.split()))
"""Names of custom attributes, without case and separators."""
_IDS = frozenset(("external_id", "external_id_source", "submission_id", "ip"))
_TIMESTAMPS = frozenset(name for name, known in LEAD.fields.items() if known.kind is Kind.TIMESTAMP)
_NUMBERS = frozenset(name for name, known in LEAD.fields.items() if known.kind in (Kind.INTEGER, Kind.NUMBER))
_BY_VALUE = ("flags", "contact.", "geo_conflict", "junk_")
"""How fields about others begin. Of several flags the plan asks for some only; the others say nothing."""
_ORIGIN = ("utm.", "click_ids.", "attribution.", "landing_page")
"""How fields about the origin of a visit begin. They say how somebody came back, not what they want."""
_SEPARATORS = re.compile(r"[^a-z0-9]")

Values = Mapping[str, Any]


def news_in(earlier: DecisionRequest, request: DecisionRequest, plan: Plan, facts: Facts) -> tuple[str, ...]:
    """The fields in which a request says something new.

    `earlier` is the same request with the fields and the account that the lead had before.
    """
    stored, values = with_account_fields(earlier), with_account_fields(request)
    changed = [
        name
        for name in plan.reads.fields
        if name not in request.filled and _changed(getter(name)(stored), getter(name)(values))
    ]
    words = [name for name in changed if not _by_value(name, values) and not _not_news(name, values, plan)]
    numbers = [name for name in changed if _by_value(name, values) and not _listed(name, plan)]
    if not changed:
        return ()
    before, after = _State.of(earlier, plan, facts), _State.of(request, plan, facts)
    stored, values = before.request.values, after.request.values
    moved = [name for name in numbers if _moves(name, stored, values, plan, facts)]
    if numbers and not moved and before.band(plan) != after.band(plan):
        moved = numbers
    found = [*words, *moved]
    if _is_rerouted(stored, values, plan, facts.now):
        found.append(REROUTED)
    if found and before.step(plan) != after.step(plan):
        found.append(OTHER_STEP)
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class _State:
    """A lead before or after its repeat, with everything that steps see."""

    request: DecisionRequest
    facts: Facts

    @staticmethod
    def of(request: DecisionRequest, plan: Plan, facts: Facts) -> "_State":
        return _State(with_derived_fields(request, plan, facts.now), facts_of(request, plan, facts))

    def band(self, plan: Plan) -> Any:
        return score_labels(self.request, plan, self.facts).get("band") if plan.label_steps else None

    def step(self, plan: Plan) -> str | None:
        """The step that settles the lead."""
        return walk(self.request, plan, self.facts).step


def _changed(before: Any, after: Any) -> bool:
    """Whether the value is new. A missing value is not, and of a list at least one item must be new."""
    if after is None or after == before:
        return False
    if isinstance(after, list) and isinstance(before, list):
        known = [_plain(each) for each in before]
        return any(_plain(each) not in known for each in after)
    return bool(_plain(before) != _plain(after))


def _plain(value: Any) -> Any:
    return index_key(value.strip()) if isinstance(value, str) else value


def _by_value(name: str, values: Values) -> bool:
    """Whether a change counts only if it moves something: that of a number, a range, engagement or flags."""
    value = getter(name)(values)
    if name in _NUMBERS or name.startswith(_BY_VALUE):
        return True
    if isinstance(value, list):
        return any(isinstance(each, dict) for each in value)
    return bounds_of(value) is not None


def _not_news(name: str, values: Values, plan: Plan) -> bool:
    if name in _IDS or name in _TIMESTAMPS or name.startswith(_ORIGIN) or _listed(name, plan):
        return True
    if name in values.get("attribution", {}).get("filled", ()):
        return True
    if not name.startswith("attributes."):
        return False
    word = _SEPARATORS.sub("", name.rpartition(".")[2].casefold())
    return word in _SAYS_NOTHING or word.startswith("utm") or as_timestamp(getter(name)(values)) is not None


def _listed(name: str, plan: Plan) -> bool:
    """Whether the plan lists this field, or the object it is in, under `not_news`."""
    return any(name == each or name.startswith(f"{each}.") for each in plan.not_news)


def _moves(name: str, before: Values, after: Values, plan: Plan, facts: Facts) -> bool:
    tests = plan.reads.tests.get(name, ())
    if any(holds(before, facts.now) != holds(after, facts.now) for holds in tests):
        return True
    rules = plan.reads.rules.get(name, ())
    return any(_row(rule, before, facts.tables) != _row(rule, after, facts.tables) for rule in rules)


def _row(rule: tuple[str, str], values: Values, tables: Tables) -> int | None:
    return tables.find(*rule, values).row


def _is_rerouted(before: Values, after: Values, plan: Plan, now: datetime) -> bool:
    """Whether the plan reroutes the lead for a condition that did not hold before."""
    return any(each.holds(after, now) and not each.holds(before, now) for each in plan.reroute_when)
