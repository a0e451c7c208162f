"""The whole check of a plan: every finding in one round, and the tests of the plan."""

from datetime import UTC, datetime

import pytest

from app.engine.model.directory import Directory
from app.engine.model.state import Facts, State
from app.plan.reader.read import load_plan
from app.plan_check.capabilities import Capabilities
from app.plans.check import CheckedPlan, check_plan
from tests.support.installed import installed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TEXT = """queues: {desk: {claimable_by: nobody}}
pipeline:
  - rule: {name: a, when: {country: Atlantis}, then: {queue: dsek}}
  - rule: {name: b, when: {tier: x}, then: {owner: nope, else: [{team: nope}]}}
  - rule: {name: c, when: {cuntry: DE}, theen: {queue: desk}}
  - rule: {name: d, when: {employees: {gt: 9, lt: 5}}, then: {queue: desk}}
  - rule: {name: e, when: {language: Elbonian, country: {contains: land}}, then: {queue: desk}}
  - queue: {name: desk}
follow_up:
  - {when: {nope: 1}, do: [{type: tag, name: x}]}
  - {when: {queue: deks}, do: [{type: tag, name: x}]}
tests:
  - {lead: {country: DE}, given: {absent: [nope]}, expect: {queue: desk}}
"""


def checked(text: str) -> CheckedPlan:
    data = load_plan(text)
    assert isinstance(data, dict)
    return check_plan(data, Facts(NOW, Directory(1, {}, {}), State()), Capabilities(installed()), text=text)


def test_faults_that_hide_no_names_are_told_in_one_round() -> None:
    found = checked(TEXT)
    assert found.document is None
    assert {(each.line, each.code) for each in found.findings} == {
        (1, "unknown_team"),
        (3, "unknown_country"),
        (3, "unknown_queue"),
        (4, "unknown_owner"),
        (4, "unknown_team"),
        (5, "unknown_field"),
        (6, "contradiction"),
        (7, "unknown_language"),
        (7, "wrong_operator"),
        (10, "unknown_field"),
        (11, "unknown_queue"),
        (13, "unknown_owner"),
    }


def test_misspelled_names_are_told_with_what_was_meant() -> None:
    texts = " ".join(each.text for each in checked(TEXT).findings)
    for meant in ("country", "then", "desk"):
        assert f"Did you mean {meant}?" in texts


@pytest.mark.parametrize(
    ("tests", "ran", "failed"),
    [
        ("[{lead: {country: DE}, expect: {queue: u}}, {lead: {}, expect: {queue: u}}]", 2, 0),
        ("[{lead: {country: DE}, expect: {queue: u}}, {lead: {}, expect: {path: u}}]", 2, 1),
        ("[]", 0, 0),
    ],
)
def test_number_of_tests_that_ran_is_told(tests: str, ran: int, failed: int) -> None:
    found = checked(f"queues: {{u: {{}}}}\npipeline: [{{queue: {{name: u}}}}]\ntests: {tests}\n")
    assert found.tests_run == ran
    assert len([each for each in found.findings if each.code == "test_failed"]) == failed


def test_tests_of_a_plan_with_errors_do_not_run() -> None:
    text = "queues: {u: {}}\npipeline: [{queue: {name: v}}]\ntests: [{lead: {}, expect: {queue: u}}]\n"
    assert checked(text).tests_run is None


def test_a_plan_of_which_nothing_can_be_read_has_its_own_findings_only() -> None:
    assert [each.code for each in checked("pipeline: 5\nqueues: {u: {}}\n").findings] == ["wrong_type"]
