"""Replies of plugins are validated: a verdict survives a round trip, anything else is invalid."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from app.engine.model.decision import Target, Verdict
from app.engine.model.plugin_replies import verdict_from_json, verdict_to_json

TARGETS = (
    Target("team", "inbound", "longest_idle", 70, ("x",), ("de",), "hold", "hot", ("language",)),
    Target("owner", "ana", hold=timedelta(hours=4), ignore_caps=True, code="kept_warm"),
    Target("queue", "desk"),
    Target("path", "newsletter"),
    Target("block", "students"),
)
TEAM: dict[str, Any] = {"kind": "team", "name": "inbound"}


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict("journal"),
        Verdict("sends", TARGETS),
        Verdict("labels", (), {"band": "hot", "scores": {"fit": 3}}),
    ],
    ids=lambda verdict: str(verdict.code),
)
def test_verdict_survives_a_round_trip(verdict: Verdict) -> None:
    assert verdict_from_json(orjson.loads(orjson.dumps(verdict_to_json(verdict)))) == verdict


def test_skills_and_languages_are_normalized_as_in_the_plan() -> None:
    said = {"code": "x", "targets": [{**TEAM, "skills": ["Enterprise"], "languages": ["DE-at"]}]}
    read = verdict_from_json(said)
    assert read is not None
    assert (read.targets[0].skills, read.targets[0].languages) == (("enterprise",), ("de",))


WRONG: list[object] = [
    None,
    "x",
    [],
    {},
    {"code": None},
    {"code": ""},
    {"code": "a b"},
    {"code": "jane@people.example"},
    {"code": "x" * 65},
    {"code": "duplicate"},
    {"code": "x", "more": 1},
    {"code": "x", "targets": {}},
    {"code": "x", "targets": [TEAM] * 101},
    {"code": "x", "labels": []},
    {"code": "x", "labels": {"country": "DE"}},
    {"code": "x", "labels": {"band": 3}},
    {"code": "x", "labels": {"scores": {"fit": 1.5}}},
    {"code": "x", "labels": {"scores": {"fit": True}}},
    *(
        {"code": "x", "targets": [target]}
        for target in [
            None,
            {},
            {"kind": "team"},
            {"kind": "moon", "name": "x"},
            {"kind": [], "name": "x"},
            {"kind": "team", "name": ""},
            {"kind": "team", "name": "x" * 256},
            {"kind": "team", "name": "a\nb"},
            {"kind": "team", "name": 5},
            {**TEAM, "more": 1},
            {**TEAM, "pick": "random"},
            {**TEAM, "priority": 101},
            {**TEAM, "priority": True},
            {**TEAM, "priority": "1"},
            {**TEAM, "skills": "x"},
            {**TEAM, "skills": [1]},
            {**TEAM, "languages": None},
            {**TEAM, "off_hours": "sleep"},
            {**TEAM, "sla": 1},
            {**TEAM, "hold": "4h"},
            {**TEAM, "hold": -1},
            {**TEAM, "hold": float("nan")},
            {**TEAM, "hold": 10**400},
            {**TEAM, "exempt": 1},
            {**TEAM, "code": "not a code"},
        ]
    ),
]


@pytest.mark.parametrize("said", WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_an_invalid_reply_is_no_verdict(said: object) -> None:
    assert verdict_from_json(said) is None
