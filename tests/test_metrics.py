"""`GET /metrics`: correct, parsable, bounded, and without personal data."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.audit.gauges import STATES
from app.metrics.counters import Tally
from app.metrics.exposition import MAX_SERIES, WorkspaceMetrics, expose
from app.metrics.label_names import MAX_QUEUES
from app.metrics.process import Metrics
from app.store.workspaces import delete_workspace
from app.webhooks.vendors import VENDORS
from tests.support.workspace import Filled, Workspace, create_workspace, open_filled
from tests.webhooks.deliveries import endpoint, event, send

pytestmark = pytest.mark.alone

QUEUES = "lead_assignment_queue_leads"
STATE = "lead_assignment_leads"
UNACCOUNTED = "lead_assignment_unaccounted_leads"


def samples(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """The values by name of the sample and the values of its labels, without the workspace."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values = tuple(value for label, value in sample.labels.items() if label != "workspace")
            found.setdefault(sample.name, {})[values] = sample.value
    return found


def labels(text: str) -> Iterator[tuple[str, str]]:
    """Every label there is, and its value."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield from sample.labels.items()


async def scrape(workspace: Workspace) -> str:
    answer = await workspace.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return str(answer.text)


async def test_an_empty_workspace_shows_its_queues_and_states(workspace: Workspace) -> None:
    found = samples(await scrape(workspace))
    assert found[QUEUES] == {("partner-desk",): 0, ("unrouted",): 0, ("held",): 0}
    assert found[STATE] == {(state,): 0 for state in STATES}
    assert found[UNACCOUNTED] == {(): 0}


async def test_refusals_and_attempts_begin_at_zero(workspace: Workspace) -> None:
    """Prometheus takes a series that begins at 1 for no increase, so the first refusal would be missed."""
    found = samples(await scrape(workspace))
    assert found["lead_assignment_requests_rate_limited_total"] == {
        (limit,): 0 for limit in ("key", "workspace", "endpoint", "quota")
    }
    assert found["lead_assignment_authentications_failed_total"] == {
        (reason,): 0 for reason in ("no_key", "malformed", "unknown", "wrong_secret", "revoked")
    }
    assert found["lead_assignment_decisions_failed_total"] == {("decision",): 0, ("too_costly",): 0}
    assert found["lead_assignment_delivery_attempts_total"] == {
        (result,): 0 for result in ("delivered", "dead", "again", "unsent")
    }


async def test_each_kind_of_endpoint_begins_at_zero(workspace: Workspace) -> None:
    found = samples(await scrape(workspace))
    deliveries = found["lead_assignment_webhook_deliveries_total"]
    assert {kind for kind, _ in deliveries} == set(VENDORS)
    assert set(deliveries.values()) == {0}
    assert found["lead_assignment_crm_events_received_total"]["zoho", "duplicate"] == 0
    assert found["lead_assignment_crm_event_lag_seconds_count"]["hubspot",] == 0


async def test_events_of_crms_are_shown_by_kind_of_endpoint(filled: Filled) -> None:
    async with open_filled(filled, no_worker=True) as workspace:
        path = await endpoint(workspace)
        await workspace.put("endpoints", "old", {"kind": "zoho", "system": "zoho"})
        for number in "123":
            await send(workspace.client, path, event(number), f"msg_{number}")
        await workspace.pool.execute(
            "UPDATE crm_inbox SET state = 'failed', ended_at = now() WHERE record_id = '3'"
        )
        found = samples(await scrape(workspace))
        assert found["lead_assignment_crm_events"] == {
            ("standard", "waiting"): 2,
            ("standard", "failed"): 1,
            ("zoho", "waiting"): 0,
            ("zoho", "failed"): 0,
        }
        (oldest,) = found["lead_assignment_crm_events_oldest_timestamp_seconds"].items()
        assert oldest[0] == ("standard",)
        assert oldest[1] <= time.time() + 1
        gone = await workspace.client.delete("/endpoints/old")
        assert gone.status_code in (200, 204)
        assert ("zoho", "failed") not in samples(await scrape(workspace))["lead_assignment_crm_events"]


async def test_counters_of_deleted_workspaces_are_dropped(workspace: Workspace) -> None:
    other = await create_workspace(workspace.app, "other")
    for each in (workspace, other):
        await each.assign(external_id="a")
        await scrape(each)
    metrics, exporter = workspace.app.state.metrics, workspace.app.state.exporter
    assert set(metrics.counted_workspaces()) == {workspace.workspace_id, other.workspace_id}
    async with workspace.pool.acquire() as connection:
        await delete_workspace(connection, other.workspace_id)
    await exporter.forget_deleted()
    assert metrics.counted_workspaces() == [workspace.workspace_id]
    assert samples(await scrape(workspace))["lead_assignment_leads_received_total"] == {(): 1}


async def test_leads_are_counted_by_state_and_queue(workspace: Workspace) -> None:
    for number in range(3):
        await workspace.assign(external_id=f"p{number}", source="partner")
    await workspace.assign(external_id="s", lead_type="student")
    await workspace.assign(external_id="n", lead_type="content", employees=1)
    returned = await workspace.assign(external_id="a", first_name="A")
    await workspace.assign(external_id="a", first_name="A")
    await workspace.assign(external_id="b")
    await workspace.client.post(f"/assignments/{returned['assignment_id']}/events", json={"type": "closed"})
    found = samples(await scrape(workspace))
    by_state = {state: count for (state,), count in found[STATE].items() if count}
    assert by_state == {"queued": 3, "blocked": 1, "automated": 1, "closed": 1, "assigned": 1}
    assert found[QUEUES] == {("partner-desk",): 3, ("unrouted",): 0, ("held",): 0}
    assert found["lead_assignment_leads_received_total"] == {(): 8}
    assert found[UNACCOUNTED] == {(): 0}
    assert found["lead_assignment_decisions_total"]["queued",] == 3
    assert found["lead_assignment_step_decisions_total"]["queued", "partners"] == 3
    assert found["lead_assignment_decision_reasons_total"]["duplicate",] == 1
    assert found["lead_assignment_events_total"]["closed",] == 1
    assert found["lead_assignment_requests_total"]["POST", "/assign", "201"] == 8
    assert found["lead_assignment_commit_group_size_count"] == {(): 9}
    assert found["lead_assignment_lock_wait_seconds_count"] == {(): 9}


async def test_oldest_lead_of_a_queue_is_told_by_its_time_as_the_api_tells_it(workspace: Workspace) -> None:
    for name in ("p", "q"):
        await workspace.assign(external_id=name, source="partner")
    queues = (await workspace.get("/queues"))["items"]
    told = {
        each["name"]: datetime.fromisoformat(each["oldest_since"]).timestamp()
        for each in queues
        if each["oldest_since"] is not None
    }
    found = samples(await scrape(workspace))
    assert found["lead_assignment_queue_oldest_lead_timestamp_seconds"] == {
        ("partner-desk",): pytest.approx(told["partner-desk"], abs=0.001)
    }
    assert found[QUEUES] == {(each["name"],): each["waiting"] for each in queues}


async def test_a_queue_that_no_plan_declares_is_shown_while_leads_wait_there(workspace: Workspace) -> None:
    returned = await workspace.assign(external_id="a")
    await workspace.client.post(
        "/reassign", json={"lead_id": returned["lead_id"], "to": {"queue": "unrouted"}}
    )
    # As if a plan that is no longer in force had put it there.
    await workspace.pool.execute("UPDATE assignments SET queue = 'elsewhere' WHERE queue = 'unrouted'")
    queues = samples(await scrape(workspace))[QUEUES]
    assert queues == {("partner-desk",): 0, ("unrouted",): 0, ("held",): 0, ("elsewhere",): 1}


async def test_a_lead_that_is_nowhere_shows_as_a_difference(workspace: Workspace) -> None:
    await workspace.assign(external_id="a")
    await workspace.pool.execute("UPDATE journal SET received = received + 2")
    assert samples(await scrape(workspace))[UNACCOUNTED] == {(): 2}
    await workspace.pool.execute(
        "INSERT INTO failed_leads (workspace_id, id, at, code, request)"
        " SELECT $1, gen_random_uuid(), now(), 'decision', '' FROM generate_series(1, 2)",
        workspace.workspace_id,
    )
    found = samples(await scrape(workspace))
    assert found[STATE]["failed",] == 2
    assert found[UNACCOUNTED] == {(): 0}


async def test_how_another_workspace_stands_is_not_shown(workspace: Workspace) -> None:
    other = await create_workspace(workspace.app, "other")
    await other.assign(external_id="a", source="partner")
    found = samples(await scrape(workspace))
    assert found[STATE] == {(state,): 0 for state in STATES}
    assert found[QUEUES]["partner-desk",] == 0
    assert found["lead_assignment_leads_received_total"] == {(): 0}


@pytest.mark.parametrize(("scope", "status"), [("ops", 200), ("leads:read", 403), ("assign", 403)])
async def test_it_takes_the_scope_for_operations(workspace: Workspace, scope: str, status: int) -> None:
    async with workspace.caller(await workspace.issue_key(scope)) as client:
        assert (await client.get("/metrics")).status_code == status


async def test_counters_have_no_created_series(workspace: Workspace) -> None:
    await workspace.assign(external_id="a")
    assert not [name for name in samples(await scrape(workspace)) if "_created" in name]


async def test_names_of_a_workspace_are_hidden_from_other_workspaces(workspace: Workspace) -> None:
    other = await create_workspace(workspace.app, "other")
    await other.publish("pipeline:\n  - queue: {name: our-secret-campaign}\n")
    await other.assign(external_id="a")
    assert "our-secret-campaign" in await scrape(other)
    assert "our-secret-campaign" not in await scrape(workspace)


def test_workspaces_that_do_not_fit_into_a_scrape_are_left_out_and_counted() -> None:
    counted: Tally = Counter({("events", str(number)): 1 for number in range(9_000)})
    workspaces = [WorkspaceMetrics(name, counted, None) for name in ("a", "b", "c")]
    text = expose(Metrics().registry, workspaces, unread=1).decode()
    found = samples(text)
    assert 'workspace="b"' in text
    assert 'workspace="c"' not in text
    assert found["lead_assignment_scrape_cut_series"] == {(): 9_000}
    assert found["lead_assignment_scrape_missing_workspaces"] == {(): 2}
    assert sum(map(len, found.values())) <= MAX_SERIES


async def test_ten_thousand_queues_do_not_make_as_many_series(workspace: Workspace) -> None:
    await workspace.pool.execute(
        """
        WITH lead AS (
          INSERT INTO leads (workspace_id, id, state, received_at)
          SELECT $1, gen_random_uuid(), 'queued', now() FROM generate_series(1, 10000) RETURNING id)
        INSERT INTO assignments (workspace_id, id, decision_number, lead_id, cause, outcome, code,
          queue, queue_since, priority,
                                 open, counts_toward_load, decided_at, plan_version, response, inputs)
        SELECT $1, gen_random_uuid(), row_number() OVER (), id, 'assign', 'queued', 'queue',
               'queue ' || row_number() OVER (), now() - interval '1 minute', 0, true, false, now(), 1, '', ''
          FROM lead
        """,
        workspace.workspace_id,
    )
    while QUEUES not in (found := samples(await scrape(workspace))):
        pass  # a busy machine did not read them in time
    queues = found[QUEUES]
    assert len(queues) == MAX_QUEUES + 1
    assert sum(queues.values()) == 10_000
    assert queues["other",] == 10_000 - MAX_QUEUES + 3
    oldest = found["lead_assignment_queue_oldest_lead_timestamp_seconds"]["other",]
    assert time.time() - oldest >= 60


async def test_labels_come_from_a_list_and_name_nobody(workspace: Workspace) -> None:
    returned = await workspace.assign(
        external_id="canary-id", email="canary@people.example", company="Canary"
    )
    await workspace.get(f"/leads/{returned['lead_id']}")
    await workspace.client.get("/leads?external_id=canary-id")
    await workspace.client.get("/canary-path")
    await workspace.client.request("CANARY", "/assign")
    text = await scrape(workspace)
    assert {name for name, _ in labels(text)} == {
        "cause", "channel", "code", "engine_version", "flag", "how", "kind", "le", "limit", "list", "method",
        "outcome", "queue", "reason", "result", "route", "signal", "source", "state", "status", "step",
        "team", "type", "verdict", "version", "workspace",
    }  # fmt: skip
    said = {value for _, value in labels(text)}
    assert not [value for value in said if "canary" in value.lower() or returned["lead_id"] in value]
    assert not said & {"ana", "ben", "eve", "Ana", "Ben", "Eve"}
