"""The dashboard: its form, and each query against a real Prometheus that scrapes the running service."""

import asyncio
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx2
import pytest

from tests.support.factories import lead
from tests.support.processes import PATIENCE
from tests.support.prometheus import OPS, Prometheus, free_port, needs_prometheus, prometheus, until
from tests.support.shell import Shell
from tests.support.workspace import Filled

DASHBOARD = json.loads((OPS / "grafana/lead-assignment.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
MONITORING = (OPS.parent / "docs/monitoring.md").read_text()
WITHOUT_TRAFFIC = re.compile(
    "lead_assignment_(?:target_|delivery_attempts|webhook_|forms?_|crm_event|suppressed_leads"
    "|withheld_actions|enrichment_|provider_|junk_|flagged_leads|decisions_failed|plugin_errors"
    "|requests_rate_limited|actions_oldest)"
)
"""What this test does not bring about: targets, an outbox, CRMs, forms, suppression lists, consent,
enrichment, junk, unreadable leads, plugins, rates."""


def test_the_dashboard_can_be_imported_anywhere() -> None:
    assert DASHBOARD["id"] is None
    assert DASHBOARD["uid"] == "lead-assignment"
    assert DASHBOARD["time"] == {"from": "now-6h", "to": "now"}
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    for name in ("job", "instance", "workspace"):
        assert variables[name]["includeAll"]
    sources = [each["datasource"] for each in _objects(DASHBOARD) if "datasource" in each]
    assert len(sources) > len(PANELS)
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
    assert not re.search(r"\b20\d\d-\d\d-\d\d", json.dumps(DASHBOARD))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(each)


def test_panels_have_ids_titles_and_places_of_their_own_and_a_unit() -> None:
    everything = DASHBOARD["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    assert len({panel["title"] for panel in everything}) == len(everything)
    for panel in PANELS:
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["description"]
    cells = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in everything)
        for x, y in itertools.product(range(place["w"]), range(place["h"]))
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def _type_of(metric: str) -> str | None:
    plain = re.sub(r"_(?:bucket|count|sum)$", "", metric)
    found = re.search(rf"^\| `{plain}` \| (\w+) \|", MONITORING, re.MULTILINE)
    return found[1] if found else None


@pytest.mark.parametrize(("title", "expression"), QUERIES)
def test_a_query_reads_each_metric_as_its_type_demands(title: str, expression: str) -> None:
    for metric, selector in re.findall(r"\b((?:lead_assignment|process)_\w+)(\{[^}]*\})?", expression):
        assert 'job=~"$job", instance=~"$instance"' in selector
        if metric.startswith("process_"):
            continue
        kind = _type_of(metric)
        assert kind, metric
        if kind in ("counter", "histogram"):
            assert re.search(rf"rate\({metric}\{{[^}}]*\}}\[\$__rate_interval\]\)", expression)
        elif "$workspace" in selector:
            assert re.search(r"(?:max|min) without \(instance\)", expression)


@needs_prometheus
def test_each_query_has_data_and_an_alert_fires_while_the_database_is_away(
    filled: Filled, tmp_path: Path
) -> None:
    api, metrics = free_port(), free_port()
    shell = Shell(tmp_path, DATABASE_URL=filled.dsn)
    ports = ("--port", str(api), "--metrics-port", str(metrics))
    with shell.serving(*ports), prometheus(tmp_path, [f"127.0.0.1:{metrics}"]) as server:
        _see_data(server, f"http://127.0.0.1:{api}", filled.key)
        assert server.firing().keys() & {"LeadAssignmentDatabaseDown", "LeadAssignmentAbsent"} == set()
        asyncio.run(_let_connect(filled.dsn, False))
        until(lambda: "LeadAssignmentDatabaseDown" in server.firing())
        alert = server.firing()["LeadAssignmentDatabaseDown"]
        assert alert["annotations"]["summary"] == f"The database does not answer 127.0.0.1:{metrics}."
        assert server.query("lead_assignment_queue_leads") == []
        asyncio.run(_let_connect(filled.dsn, True))
        until(lambda: "LeadAssignmentDatabaseDown" not in server.firing())


def _see_data(server: Prometheus, url: str, key: str) -> None:
    """Send traffic until each query has data, except for those that cannot have any."""
    numbers = itertools.count()
    missing = [(title, _filled_in(expression)) for title, expression in QUERIES]

    def all_seen() -> bool:
        _traffic(client, next(numbers))
        missing[:] = [query for query in missing if not server.query(query[1])]
        return all(WITHOUT_TRAFFIC.search(expression) for _, expression in missing)

    with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE) as client:
        until(lambda: _answers(client))
        try:
            until(all_seen)
        except TimeoutError:
            pytest.fail(f"no data: {[query for query in missing if not WITHOUT_TRAFFIC.search(query[1])]}")
    for variable in DASHBOARD["templating"]["list"][1:]:
        asked = re.fullmatch(r"label_values\((.*), (\w+)\)", _filled_in(variable["query"]["query"]))
        assert asked
        assert server.values(asked[2], asked[1])


def _filled_in(expression: str) -> str:
    """A query as Grafana sends it when all is chosen."""
    return re.sub(r"\$(?:job|instance|workspace)", ".*", expression).replace("$__rate_interval", "1m")


def _answers(client: httpx2.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def _traffic(client: httpx2.Client, number: int) -> None:
    """Leads for owners and queues, an event, claims, and calls that are refused."""
    decided = client.post("/assign", json=lead(number, first_name="Ann"))
    assert decided.status_code == 201
    client.post("/assign", json=lead(f"p{number}", source="partner"))
    told = client.post(f"/assignments/{decided.json()['assignment_id']}/events", json={"type": "accepted"})
    assert told.status_code == 200, told.text
    if number % 2:
        claimed = client.post("/queues/partner-desk/claim", json={"owner_id": "ben"})
        assert claimed.status_code == 200, claimed.text
    client.get("/owners", headers={"Authorization": "Bearer no-key"})


async def _let_connect(dsn: str, allowed: bool) -> None:
    """Let the database take connections, or end those there are and take none."""
    parts = urlsplit(dsn)
    name = parts.path.removeprefix("/")
    connection = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")))
    try:
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(allowed).lower()}')
        if not allowed:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
            )
    finally:
        await connection.close()
