"""What the sentence of a waiting lead says about the teams and owners that were tried."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from app.engine.explain.traces import MAX_CANDIDATES, shortened
from app.engine.model.state import Load, State
from app.engine.pipeline.decide import decide
from tests.support.decisions import PLAN, TEAM, facts, plan, question

BACK = "2026-12-01T09:00:00Z"
TEAM_STEP = {"round_robin": {"team": TEAM}}


def away(owner: str, until: str = BACK) -> dict[str, str]:
    return {"owner": owner, "from": "2026-01-01T00:00:00Z", "to": until}


def waiting(
    owners: Mapping[str, Mapping[str, Any]],
    absences: Sequence[Mapping[str, str]] = (),
    step: Mapping[str, Any] = TEAM_STEP,
    loads: Mapping[str, int] | None = None,
    **lead: Any,
) -> str:
    document = {**PLAN, "pipeline": [step, {"queue": {"name": "desk"}}], "queues": {"desk": {}}, "paths": {}}
    state = State(loads={owner: Load(open=count) for owner, count in (loads or {}).items()})
    decision = decide(question(**lead), plan(document), facts(owners, absences=absences, state=state))
    assert decision.queue == "desk"
    return decision.text.removeprefix("No earlier step assigned it, so it waits in queue desk.").strip()


ANA, BEN, CEM = {"name": "Ana"}, {"name": "Ben"}, {"name": "Cem"}


@pytest.mark.parametrize(
    ("owners", "absences", "loads", "expected"),
    [
        (
            {"ana": ANA, "ben": {**BEN, "caps": {"open": 1}}},
            [away("ana")],
            {"ben": 1},
            "Nobody in team inbound can take it: Ana is absent until 2026-12-01 09:00 UTC, Ben is at the cap"
            " on open leads. The first of them is available again at 2026-12-01 09:00 UTC.",
        ),
        (
            {"ana": ANA, "ben": BEN},
            [away("ana"), away("ben", "2026-11-25T12:30:00Z")],
            {},
            "Nobody in team inbound can take it: Ana is absent until 2026-12-01 09:00 UTC, Ben is absent"
            " until 2026-11-25 12:30 UTC. The first of them is available again at 2026-11-25 12:30 UTC.",
        ),
        (
            {"ana": {**ANA, "active": False}, "ben": {**BEN, "paused_until": BACK}},
            [],
            {},
            "Nobody in team inbound can take it: Ana is not active, Ben is paused until 2026-12-01 09:00 UTC."
            " The first of them is available again at 2026-12-01 09:00 UTC.",
        ),
        (
            {id_: {"name": id_.upper(), "active": False} for id_ in "abcdef"},
            [],
            {},
            "Nobody in team inbound can take it: A is not active, B is not active, C is not active, and 3"
            " more cannot take it either.",
        ),
        ({}, [], {}, "Team inbound has no members."),
    ],
)
def test_the_sentence_says_what_kept_each_member_and_when_that_ends(
    owners: Mapping[str, Any], absences: Sequence[Mapping[str, str]], loads: Mapping[str, int], expected: str
) -> None:
    assert waiting(owners, absences, loads=loads) == expected


def test_the_sentence_names_the_language_that_nobody_speaks() -> None:
    step = {"rule": {"name": "polish", "then": {"team": TEAM, "languages": ["pl"]}}}
    assert waiting({"ana": ANA, "ben": BEN}, step=step) == "Nobody in team inbound speaks Polish."
    asked = {"rule": {"name": "theirs", "then": {"team": TEAM, "match": ["language"]}}}
    assert waiting({"ana": ANA}, step=asked, language="pl") == "Nobody in team inbound speaks Polish."
    some = waiting({"ana": ANA, "ben": {**BEN, "languages": ["pl"]}}, [away("ben")], step)
    assert some.startswith(
        "Nobody in team inbound can take it: Ana does not speak the language, Ben is absent"
    )


def test_the_sentence_names_an_owner_who_was_not_free() -> None:
    step = {"rule": {"name": "vip", "then": {"owner": "ana"}}}
    assert waiting({"ana": ANA}, [away("ana")], step) == "Ana is absent until 2026-12-01 09:00 UTC."


def test_a_queue_that_no_target_was_tried_before_needs_no_such_sentence() -> None:
    step = {"rule": {"name": "never", "when": {"country": "FR"}, "then": {"team": TEAM}}}
    assert waiting({"ana": ANA}, step=step) == ""


def test_a_lead_for_the_else_queue_of_a_rule_says_why_it_waits() -> None:
    step = {"rule": {"name": "vip", "then": {"team": TEAM, "else": [{"queue": "desk"}]}}}
    text = waiting({"ana": ANA}, [away("ana")], step)
    assert text == (
        "Sent to queue desk by rule vip. Nobody in team inbound can take it: Ana is absent until"
        " 2026-12-01 09:00 UTC."
    )


def test_the_stored_trace_counts_candidates_beyond_the_first() -> None:
    owners = {f"o{number}": {"name": f"O {number}", "active": number >= 30} for number in range(130)}
    decision = decide(
        question(), plan({**PLAN, "pipeline": [TEAM_STEP, PLAN["pipeline"][-1]]}), facts(owners)
    )
    (target,) = shortened(decision.trace)["steps"][0]["targets"]
    assert len(target["candidates"]) == MAX_CANDIDATES
    assert target["candidates"][0]["code"] == "chosen"
    assert {each["code"] for each in target["candidates"][1:]} == {"not_next"}
    assert target["more_candidates"] == {"not_next": 50, "inactive": 30}
    assert len(decision.trace["steps"][0]["targets"][0]["candidates"]) == 130


def test_a_short_trace_is_stored_as_it_is() -> None:
    decision = decide(question(), plan(), facts({"ana": ANA}))
    assert shortened(decision.trace) is decision.trace


def test_of_many_targets_the_sentence_names_the_first_and_the_last() -> None:
    names = ("ana", "ben", "cem", "dan")
    owners = {name: {"name": name.title()} for name in names}
    then = {"owner": "ana", "else": [{"owner": name} for name in names[1:]]}
    text = waiting(owners, [away(name) for name in names], {"rule": {"name": "vips", "then": then}})
    assert [name for name in names if name.title() in text] == ["ana", "cem", "dan"]
