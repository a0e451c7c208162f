"""The alert rules: each is tested by promtool, tells what to do, and asks only for metrics that there are."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.test_docs import anchors

ROOT = Path(__file__).parents[1]
PROMETHEUS = ROOT / "ops/prometheus"
GROUPS = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"]
RULES: dict[str, dict[str, Any]] = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
ALERT_NAME = re.compile(r'alertname="(\w+)"')
CASES = "\n".join(path.read_text() for path in PROMETHEUS.glob("*_test.yaml"))
RUNBOOK = re.compile(r"https://lead-assignment\.example/docs/alerts\.md#(\w+)")
SCRAPE_SECONDS = 15
UNITS = {"s": 1, "m": 60, "h": 3600}
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt install prometheus)"
)


def seconds(duration: str) -> int:
    """A duration of Prometheus with one unit, such as 5m."""
    return int(duration[:-1]) * UNITS[duration[-1]]


def promtool(*words: str) -> None:
    done = subprocess.run(
        ["promtool", *words], cwd=PROMETHEUS, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_scrape_example_and_its_rules_are_valid() -> None:
    promtool("check", "config", "prometheus.yaml")


@needs_promtool
@pytest.mark.parametrize("file", sorted(path.name for path in PROMETHEUS.glob("*_test.yaml")))
def test_alerts_fire_when_they_should_and_only_then(file: str, tmp_path: Path) -> None:
    promtool(
        "test", "rules", *_one_file_for_each_case(yaml.safe_load((PROMETHEUS / file).read_text()), tmp_path)
    )


def _one_file_for_each_case(cases: dict[str, Any], directory: Path) -> list[str]:
    """The same cases, each with the rules it asks for only: each case evaluates all the rules of its file."""
    files = []
    for number, case in enumerate(cases["tests"]):
        asked = [set(ALERT_NAME.findall(each["expr"])) for each in case["promql_expr_test"]]
        assert all(asked), f"{case['name']}: names no alert"
        names = set().union(*asked)
        assert names <= RULES.keys()
        rules = [rule for name, rule in RULES.items() if name in names]
        only, file = directory / f"rules-{number}.yaml", directory / f"case-{number}.yaml"
        only.write_text(json.dumps({"groups": [{"name": "asked", "rules": rules}]}))
        file.write_text(json.dumps({**cases, "rule_files": [only.name], "tests": [case]}))
        files.append(str(file))
    return files


@needs_promtool
def test_an_alert_that_always_fires_fails_its_cases(tmp_path: Path) -> None:
    cases = yaml.safe_load((PROMETHEUS / "alerts_test.yaml").read_text())
    file = Path(_one_file_for_each_case({**cases, "tests": cases["tests"][:1]}, tmp_path)[0])
    rules = tmp_path / "rules-0.yaml"
    rules.write_text(rules.read_text().replace("== 0", ">= 0"))
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", str(file))


@pytest.mark.parametrize("name", RULES)
def test_an_alert_is_tested_both_ways_and_says_what_to_do(name: str) -> None:
    rule = RULES[name]
    assert re.fullmatch(r"(?:[A-Z][a-z]+)+", name)
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    runbook = RUNBOOK.fullmatch(rule["annotations"]["runbook_url"])
    assert runbook
    assert runbook[1] == name.lower()
    assert runbook[1] in anchors(ROOT / "docs/alerts.md")
    asked = re.findall(rf'alertname="{name}".*\n.*\n\s+exp_samples: (.*)', CASES)
    assert "[]" in asked, "no case in which it stays silent"
    assert len(set(asked)) > 1, "no case in which it fires"


@pytest.mark.parametrize("name", RULES)
def test_an_alert_waits_two_scrapes_and_looks_at_four_or_more(name: str) -> None:
    assert seconds(RULES[name]["for"]) >= 2 * SCRAPE_SECONDS
    for window in re.findall(r"\[(\w+)\]", RULES[name]["expr"]):
        assert seconds(window) >= 4 * SCRAPE_SECONDS


def test_every_runbook_belongs_to_an_alert() -> None:
    sections = {name for name in anchors(ROOT / "docs/alerts.md") if name.startswith("leadassignment")}
    assert sections == {name.lower() for name in RULES}


@pytest.mark.parametrize("name", RULES)
def test_an_alert_asks_for_metrics_that_the_monitoring_page_defines(name: str) -> None:
    documented = (ROOT / "docs/monitoring.md").read_text()
    expression = re.sub(r"_(?:bucket|count|sum)\b", "", RULES[name]["expr"])
    metrics = re.findall(r"lead_assignment_\w+", expression)
    for begin, parts, end in re.findall(r"(lead_assignment_)\(([\w|]+)\)(\w+)", expression):
        metrics += [f"{begin}{part}{end}" for part in parts.split("|")]
    assert metrics or name == "LeadAssignmentDown"
    for metric in metrics:
        assert f"`{metric}`" in documented
