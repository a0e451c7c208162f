"""The documentation agrees with the code: generated tables are fresh, and links and examples work."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from typer.main import get_command

from app.cli import commands
from app.contract.responses import Decision
from app.engine.compile.plan import compile_plan
from app.engine.model.decision import DecisionRequest
from app.engine.model.directory import Directory
from app.engine.model.records import directory_from
from app.engine.model.state import Facts, State
from app.engine.pipeline.decide import decide
from app.errors import Problem
from app.intake.arrival import normalize
from app.metrics.exposition import WorkspaceMetrics, expose
from app.metrics.gauges import TargetGauges, WorkspaceGauges
from app.metrics.label_names import LabelNames
from app.metrics.process import Metrics, PoolUse
from app.plan.document.plan import PlanDocument
from app.plan.language.conditions import parse_condition
from app.plan.language.fields import FOLLOW_UP
from app.plan_check.capabilities import Capabilities
from app.plan_check.check import KnownNames, check
from app.plans.check import check_plan
from app.registry import strategies
from app.settings import Settings
from devtools.embedded_postgres.binaries import DIRECTORY_VARIABLE
from docs.generator.pages import BLOCKS, OPENAPI, ROOT, pages
from docs.generator.pages import PAGES as GENERATED
from tests.support.decisions import NOW

STARTER, EXAMPLE = (ROOT / "examples" / name for name in ("starter", "win-back"))
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
FOLDERS = ("app", "bench", "devtools", "docs", "examples", "migrations", "ops", "tests")
DECISION_HEAD = r"# (\d+)\. (.+)\n\nDate: (\d{4}-\d\d-\d\d)\n\n"
PARTS = ["Context", "Decision", "Consequences", "Alternatives"]


def read(path: str) -> str:
    """A page."""
    return (ROOT / path).read_text(encoding="utf-8")


def fenced(page: str, language: str) -> list[str]:
    """The fenced blocks of this language."""
    return re.findall(rf"```{language}\n(.*?)```", read(page), re.DOTALL)


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the tables below a heading."""
    below = read(page).split(f"\n## {heading}\n", 1)[1]
    tables = re.findall(r"(?:^\|.*\|\n)+", below.split("\n## ", 1)[0], re.MULTILINE)
    lines = [line for table in tables for line in table.splitlines()[2:]]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def named(cell: str) -> list[str]:
    """The words in backticks."""
    return re.findall(r"`([^`]*)`", cell)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def workspace(example: Path = STARTER) -> Directory:
    """The directory of an example."""
    records = []
    for resource_type in ("owners", "teams"):
        lines = (example / f"{resource_type}.ndjson").read_bytes().splitlines()
        records += [(resource_type, body["id"], body) for body in map(orjson.loads, lines)]
    return directory_from(1, records)


@cache
def generated() -> dict[str, str]:
    """The text of every page that has generated parts."""
    return pages()


@pytest.mark.parametrize("path", [*GENERATED, OPENAPI])
def test_generated_parts_are_fresh(path: str) -> None:
    assert read(path) == generated()[path], "run `python -m docs`"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_and_paths_of_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#") for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert [link for link, _, _ in links if not (page.parent / link).exists()] == []
    pointed_at = [(page.parent / link if link else page, anchor) for link, _, anchor in links if anchor]
    assert [(target.name, anchor) for target, anchor in pointed_at if anchor not in anchors(target)] == []
    paths = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    blocks = re.findall(r"<!-- ([a-z-]+) -->\n", text)
    assert set(blocks) <= {*BLOCKS, "bench"}
    assert re.findall(r"<!-- /([a-z-]+) -->", text) == blocks


def test_decisions_are_numbered_dated_and_whole() -> None:
    numbers = [int(page.name[:4]) for page in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))
    for page in DECISIONS:
        text = page.read_text(encoding="utf-8")
        assert re.match(DECISION_HEAD, text), page.name
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == PARTS, page.name


def test_index_of_decisions_is_complete() -> None:
    expected = []
    for page in DECISIONS:
        number, title, date = re.match(DECISION_HEAD, page.read_text(encoding="utf-8")).groups()  # type: ignore[union-attr]
        expected.append(f"| [{number}]({page.name}) | {date} | {title} |")
    lines = read("docs/decisions/README.md").splitlines()
    assert [line for line in lines if line.startswith("| [")] == expected


def test_security_page_has_every_statement_that_is_cited() -> None:
    stated = re.findall(r"^\| (S-\d\d) \|", read("docs/security.md"), re.MULTILINE)
    assert len(stated) == len(set(stated))
    sources = [path for room in ("app", "tests") for path in (ROOT / room).rglob("*.py")]
    cited = {each for path in sources for each in re.findall(r"\bS-\d\d\b", path.read_text(encoding="utf-8"))}
    assert cited <= set(stated)


def test_every_setting_is_in_the_table() -> None:
    returned = {named(row[0])[0]: row[1].strip("`") for row in rows("docs/configuration.md", "Settings")}
    expected: dict[str, object] = {DIRECTORY_VARIABLE: None}
    for name, field in Settings.model_fields.items():
        variable = field.validation_alias or f"LEAD_ASSIGNMENT_{name}".upper()
        expected[str(variable)] = field.default
    del (
        returned["MIGRATION_DATABASE_URL"],
        expected["MIGRATION_DATABASE_URL"],
    )  # its default is another setting
    nothing = (None, "", ())
    shown = {
        name: "none" if value in nothing else str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in expected.items()
    }
    assert returned == shown


def test_every_metric_is_in_the_table() -> None:
    metrics = Metrics()
    metrics.requests.note("/assign", "POST", 201, 0.01)
    metrics.troubles.note("clock_jumped")
    metrics.group_committed(1, 0.01, 0.01)
    metrics.plugin_failed("language", "timeout")
    metrics.authentication_failed("unknown")
    metrics.rate_limited("key")
    metrics.clocks_fired({"missed": 1}, [0.5])
    metrics.worker_progressed()
    metrics.pool_use = lambda: PoolUse(1, 1, 10, 0)
    metrics.delivery_received("hubspot", "stored")
    metrics.delivery_refused("hubspot", "signature_mismatch")
    metrics.crm_events_received("hubspot", 1, 0)
    metrics.crm_event_processed("hubspot", "done", None, 0.5)
    metrics.form_received("typeform", "stored")
    metrics.form_refused("typeform", "signature_mismatch")
    metrics.form_processed("typeform", "done", None, 0.5)
    metrics.form_fetched("meta", "fetched")
    metrics.enrichment.called("crm", "found", 0.1)
    metrics.enrichment.not_called("crm", "found")
    metrics.delivery_attempted("delivered")
    metrics.lead_not_decided("too_costly")
    metrics.authentication_failed("unknown")
    counted = metrics.counters_of(1).settle({}, {1: LabelNames(("inbound",), ("dach",), ("rival",))}, 1, ())
    gauges = WorkspaceGauges(
        waiting={"desk": 1},
        oldest={"desk": 1.0},
        leads={"queued": 1},
        held_due=1.0,
        actions_oldest=1.0,
        clocks_due_at=1.0,
        crm_events={"hubspot": {"failed": 1}},
        crm_events_oldest={"hubspot": 1.0},
        forms_oldest_to_fetch=1.0,
        published=1.0,
        handshakes={"ads": 1.0},
        targets={"crm": TargetGauges({}, 1.0, is_open=False)},
        providers_open={"firms": True},
    )
    text = expose(metrics.registry, [WorkspaceMetrics("example", counted, gauges)]).decode()
    found = {}
    for family in text_string_to_metric_families(text):
        # Those of the process are described by the library that makes them.
        if not family.name.endswith("_created") and family.name.startswith("lead_assignment_"):
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found[name] = (family.type, labels)
    table = rows("docs/monitoring.md", "Metrics")
    assert {named(row[0])[0]: (row[1], set(named(row[2]))) for row in table} == found


def test_every_503_has_a_remedy_in_the_monitoring_page() -> None:
    codes = {each.code for each in Problem.__subclasses__() if each.status == 503}
    sections = ("Answers with 503", "Health and readiness")
    told = {named(row[0])[0] for section in sections for row in rows("docs/monitoring.md", section)}
    assert told == codes


def test_every_command_is_in_the_table() -> None:
    returned = set()
    for row in rows("docs/commands.md", "Commands"):
        first, *more = named(row[0])
        words = first.split()[1:]
        returned |= {" ".join(words), *(f"{words[0]} {name}" for name in more)}
    assert returned == set(_commands())


def _commands() -> Iterator[str]:
    yield from _below(get_command(commands), "")


def _below(group: Any, path: str) -> Iterator[str]:
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "commands"):
            yield from _below(command, f"{path}{name} ")
        else:
            yield path + name


def test_the_plan_of_the_reference_can_be_published() -> None:
    whole, _, *follow_ups = map(yaml.safe_load, fenced("docs/plan.md", "yaml"))
    for document in (whole, *({**whole, **each, "sequences": ["hot"]} for each in follow_ups)):
        found = check_plan(document, Facts(NOW, workspace(), State()), Capabilities(strategies()))
        assert found.document is not None
        assert found.findings == []


def test_the_conditions_of_the_reference_can_be_read() -> None:
    lines = fenced("docs/plan.md", "yaml")[1].splitlines()
    conditions = [yaml.safe_load(line)["when"] for line in lines]
    assert conditions
    for condition in conditions:
        parse_condition(condition, FOLLOW_UP)


def test_request_of_the_readme_gets_the_answer_shown_there() -> None:
    words = shlex.split(fenced("README.md", "sh")[0])
    sent = orjson.loads(words[words.index("-d") + 1])
    assert sent == orjson.loads((EXAMPLE / "lead.json").read_bytes())
    returned = orjson.loads(fenced("README.md", "json")[0])
    assert returned.keys() <= Decision.model_fields.keys()
    facts = Facts(NOW, workspace(EXAMPLE), State())
    found = check_plan(
        yaml.safe_load((EXAMPLE / "plan.yaml").read_bytes()), facts, Capabilities(strategies())
    )
    assert found.document is not None
    values = {**normalize(sent["lead"]).values, "trigger": sent["trigger"]}
    plan = compile_plan(found.document, 1, strategies())
    decision = decide(DecisionRequest("assign", "a", "l", values), plan, facts)
    assert decision.owner is not None
    assert returned["owner"]["id"] == decision.owner.id
    assert returned["reason"] == {"code": decision.code, "text": decision.text}
    assert returned["trace"] == decision.trace
    assert [each["params"] for each in returned["actions"]] == [each["params"] for each in decision.actions]


def test_the_strategy_of_the_page_works() -> None:
    space: dict[str, Any] = {"__name__": "your_package"}
    exec(fenced("docs/strategies.md", "python")[0], space)
    strategy = space["EvenDay"]()
    source = yaml.safe_load(fenced("docs/strategies.md", "yaml")[-1])
    document = check_plan(
        {**source, "queues": {"unrouted": {}}},
        Facts(NOW, workspace(), State()),
        Capabilities({**strategies(), strategy.name: strategy}),
    ).document
    assert isinstance(document, PlanDocument)
    assert check(document, KnownNames()) == []
    plan = compile_plan(document, 1, {**strategies(), strategy.name: strategy})
    asked = DecisionRequest("assign", "a", "l", {"country": "DE"})
    for now, outcome, code in ((NOW, "assigned", "even_day"), (NOW.replace(day=21), "queued", "queue")):
        decision = decide(asked, plan, Facts(now, workspace(), State()))
        assert (decision.outcome, decision.code) == (outcome, code)


def test_requests_with_a_body_name_its_type() -> None:
    """A body without a type is refused with 415. Addresses that begin with `…` are shortened."""
    lines = (
        (page.name, command.split("\n")[0])
        for page in PAGES
        for block in re.findall(r"```(?:bash|sh)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        for command in re.split(r"\n(?=\s*curl )", block.replace("\\\n", " "))
        if re.search(r"curl .*Bearer \$KEY.* (-d|--data-\w+) ", command) and "…/" not in command
    )
    assert [(page, each) for page, each in lines if "Content-Type: " not in each] == []
