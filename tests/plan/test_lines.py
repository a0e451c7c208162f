"""Where in the text of a plan a finding is."""

import json

import pytest

from app.plan.findings import Finding
from app.plan.reader.lines import located

TEXT = """queues: {u: {}}
# A comment
pipeline:
  - rule:
      name: "emea & co"
      when:
        country: [DE,
          Atlantis]
        attributes.x: 5
        any:
          - {city: York}
          - city: Rome
      then: {team: nope}
  - {queue: {name: u}}
tests:
- lead: {country: DE}
  given: {existing: {owner: ben, lead: {email: ben@example.com}}}
  expect: {team: nope}
"""


@pytest.mark.parametrize(
    ("path", "line", "rule", "value"),
    [
        ("queues.u", 1, None, None),
        ("pipeline[0].rule.when.country[1]", 8, "emea & co", "Atlantis"),
        ("pipeline[0].rule.when.attributes.x", 9, "emea & co", "5"),
        ("pipeline[0].rule.when.any[1]", 12, "emea & co", None),
        ("pipeline[0].rule.when.any[1].city", 12, "emea & co", "Rome"),
        ("pipeline[0].rule.then.team", 13, "emea & co", "nope"),
        ("pipeline[0].rule.then.owner", 13, "emea & co", None),
        ("pipeline[1]", 14, None, None),
        ("pipeline[1].queue.name", 14, "u", "u"),
        ("tests[0].lead.country", 16, None, None),
        ("tests[0].given.existing.lead.email", 17, None, None),
        ("tests[0].expect.team", 18, None, "nope"),
        ("nothing.here", None, None, None),
        ("", None, None, None),
    ],
)
def test_finding_has_the_line_rule_and_value_of_its_path(
    path: str, line: int | None, rule: str | None, value: str | None
) -> None:
    (found,) = located([Finding(path, "code", "Do this.")], TEXT)
    assert (found.line, found.rule, found.value) == (line, rule, value)
    assert found.text.endswith("Do this.")
    assert all(str(each) in found.text for each in (line, rule, value) if each is not None)


def test_json_has_lines_too() -> None:
    text = json.dumps({"pipeline": [{"queue": {"name": "u"}}]}, indent=1)
    (found,) = located([Finding("pipeline[0].queue.name", "code", "Do this.")], text)
    assert (found.line, found.value) == (5, "u")


def test_sentence_does_not_repeat_what_it_says() -> None:
    finding = Finding("pipeline[0].rule.then.team", "code", "Rule `emea & co` has no team `nope`.")
    (found,) = located([finding], TEXT)
    assert found.text == "Line 13: Rule `emea & co` has no team `nope`."


def test_finding_of_the_text_itself_keeps_its_line() -> None:
    (found,) = located([Finding("", "invalid_syntax", "Not valid.", line=3)], "a: [\n")
    assert (found.line, found.text) == (3, "Line 3: Not valid.")


@pytest.mark.parametrize("tests", ["ana@example.com", [{"lead": {"email": "ana@example.com"}}]])
def test_samples_of_plan_tests_are_never_repeated(tests: object) -> None:
    path = "tests[0].lead.email" if isinstance(tests, list) else "tests"
    finding = Finding(path, "wrong_type", "Must be of type string.", value="ana@example.com")
    (found,) = located([finding], json.dumps({"tests": tests}))
    assert "ana" not in f"{found.value} {found.text}"
    assert found.line == 1


def test_text_is_followed_no_deeper_than_findings_go() -> None:
    text = "before: {when: " + "[" * 40 + "]" * 40 + "}\nafter: 1\n"
    before, after = located(
        [Finding("before.when", "a", "Do this."), Finding("after", "b", "Do this.")], text
    )
    assert (before.line, after.line) == (1, None)
