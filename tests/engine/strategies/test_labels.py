"""A lead that the pipeline did not settle is scored all the same: SLAs and the follow-up ask its band."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.engine.model.decision import DecisionRequest, PriorAssignment, Target
from app.engine.pipeline.decide import decide
from tests.support.decisions import NOW, TEAM, facts, plan

DOCUMENT: dict[str, Any] = {
    "queues": {"desk": {}},
    "scores": {"fit": [{"when": {"employees": {"gte": 200}}, "points": 30}]},
    "slas": {"hot": {"touch": "15m"}},
    "sla_rules": [{"when": {"band": "hot"}, "sla": "hot"}],
    "pipeline": [
        {"score": {"model": ["fit"], "bands": {"hot": {"gte": 10}, "cold": {}}}},
        {"round_robin": {"team": TEAM, "when": {"band": "hot"}}},
        {"queue": {"name": "desk"}},
    ],
    "follow_up": [{"when": {"band": "hot"}, "do": [{"type": "tag", "name": "hot"}]}],
}
ANA = Target("owner", "ana")
MONTH_AGO = PriorAssignment(
    "lead", "before", "email", "assigned", "ana", TEAM, None, None, None, 0, NOW - timedelta(days=30)
)
ASKED = DecisionRequest("assign", "assignment", "lead", {"employees": 500})
WAYS = {
    "claimed": replace(ASKED, kind="claim", to=ANA, queue="desk"),
    "given by hand": replace(ASKED, kind="reassign", to=ANA),
    "given to a team": replace(ASKED, kind="reassign", to=Target("team", TEAM)),
    "owner kept": replace(ASKED, prior=MONTH_AGO),
    "walked": ASKED,
}


@pytest.mark.parametrize("way", WAYS)
def test_sla_and_follow_up_see_the_band(way: str) -> None:
    for employees, hot in ((500, True), (5, False)):
        asked = replace(WAYS[way], values={"employees": employees})
        decision = decide(asked, plan(DOCUMENT), facts({"ana": {}}))
        assert decision.labels["band"] == ("hot" if hot else "cold")
        assert [action["type"] for action in decision.actions] == (["tag"] if hot else [])
        assert (decision.sla is not None) == hot


def test_the_trace_shows_labels_given_outside_the_pipeline() -> None:
    decision = decide(WAYS["owner kept"], plan(DOCUMENT), facts({"ana": {}}))
    assert decision.trace["labels"] == {"band": "hot", "scores": {"fit": 30, "total": 30}}
    assert "labels" not in decide(ASKED, plan(DOCUMENT), facts({"ana": {}})).trace


def test_a_duplicate_is_not_scored() -> None:
    again = replace(ASKED, prior=replace(MONTH_AGO, decided_at=NOW))
    decision = decide(again, plan(DOCUMENT), facts({"ana": {}}))
    assert (decision.labels, decision.actions, decision.sla) == ({}, (), None)
