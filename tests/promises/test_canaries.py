"""What a person sent is found in no log line, no metric and no error (S-13, S-18, S-43, S-44)."""

from collections.abc import Iterator
from typing import Any

import pytest
from httpx2 import Response

from tests.support.poisonous import Poisonous
from tests.support.workspace import Filled, Workspace, open_filled, open_workspace

pytestmark = pytest.mark.alone

CANARY = "zqcanary"
FIELDS = (
    "external_id", "email", "phone", "first_name", "last_name", "title", "company", "website", "country",
    "state", "city", "postal_code", "language", "industry", "lead_type", "lifecycle_stage", "tier",
    "channel", "source", "campaign", "referrer",
)  # fmt: skip
NOT_TEXT = (
    "customer_status", "product_interest", "pages", "content", "engagement", "consent", "crm", "utm",
    "attributes",
)  # fmt: skip
READ = (
    "employees", "annual_revenue", "lifetime_value", "score", "visits", "last_purchase_at", "trial_ends_at",
    "last_seen_at",
)  # fmt: skip
"""Numbers and times are read from text. What cannot be read is kept and flagged."""


def person(number: int) -> dict[str, Any]:
    """A lead with a canary in every place that takes text."""
    said = {name: f"{CANARY} {name} {number}" for name in FIELDS}
    mine = {"email": f"{CANARY}{number}@people.example", "website": f"https://{CANARY}.example"}
    lists = {name: [f"{CANARY} {name}"] for name in ("product_interest", "pages", "content")}
    return {
        **said,
        **mine,
        **lists,
        "engagement": [{"type": CANARY, "name": CANARY, "product": CANARY}],
        "crm": {"lead_id": f"{CANARY}-{number}", "account_id": CANARY, "owner_id": CANARY},
        "utm": {CANARY: CANARY},
        "attributes": {CANARY: {CANARY: [CANARY]}},
        "churn_risk": CANARY,
    }


def is_clean(text: str) -> bool:
    return CANARY not in text.lower()


@pytest.fixture
def printed(capfd: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """What the process wrote, to be read after the test's requests; it must have written something."""
    texts: list[str] = []
    yield texts
    captured = capfd.readouterr()
    assert "request" in captured.out
    assert is_clean(captured.out)
    assert is_clean(captured.err)


async def refused(workspace: Workspace, method: str, url: str, status: int, **sent: Any) -> Response:
    """A response that must be an error without any input."""
    answer = await workspace.client.request(method, url, **sent)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert is_clean(answer.text), answer.text
    assert is_clean(str(answer.headers))
    return answer


async def test_success_leaves_no_trace_in_logs_and_metrics(workspace: Workspace, printed: list[str]) -> None:
    for number in range(3):
        await workspace.assign(**person(number))
    returned = await workspace.assign(**person(0))
    assert returned["existing_lead"]["kind"] == "duplicate"
    assert is_clean(str(returned["trace"]))
    assert is_clean(returned["reason"]["text"])
    await workspace.client.post("/assign", json={"lead": person(9), "dry_run": True})
    await workspace.client.post("/assign/batch", json={"items": [{"lead": person(10)}] * 3})
    await workspace.client.post("/reassign", json={"lead_id": returned["lead_id"], "reason": CANARY})
    await workspace.client.get("/leads", params={"external_id": person(1)["external_id"]})
    await workspace.client.post("/leads/lookup", json={"email": person(1)["email"]})
    await workspace.get(f"/assignments/{returned['assignment_id']}/explain")
    assert is_clean((await workspace.client.get("/metrics")).text)


async def test_url_that_somebody_made_up_is_repeated_nowhere(
    workspace: Workspace, printed: list[str]
) -> None:
    await refused(workspace, "GET", "/leads", 422, params={CANARY: "1"})
    await refused(workspace, "GET", "/assignments", 422, params={"owner": "ana", CANARY: CANARY})
    await refused(workspace, "GET", f"/{CANARY}", 404, params={CANARY: "1"})
    assert is_clean((await workspace.client.get("/metrics")).text)


@pytest.mark.parametrize("name", NOT_TEXT)
async def test_a_field_of_the_wrong_kind_is_not_repeated(
    workspace: Workspace, printed: list[str], name: str
) -> None:
    answer = await refused(workspace, "POST", "/assign", 422, json={"lead": {**person(0), name: CANARY}})
    assert answer.json()["errors"][0]["path"].startswith("lead")


@pytest.mark.parametrize("name", READ)
async def test_a_value_that_cannot_be_read_is_only_in_the_lead(
    workspace: Workspace, printed: list[str], name: str
) -> None:
    returned = await workspace.assign(**{**person(0), name: CANARY})
    assert returned["normalized"]["flags"]
    assert is_clean(str(returned["trace"]))
    assert is_clean(returned["reason"]["text"])
    assert is_clean((await workspace.client.get("/metrics")).text)


@pytest.mark.parametrize("name", FIELDS)
async def test_a_text_that_is_too_long_is_not_repeated(
    workspace: Workspace, printed: list[str], name: str
) -> None:
    lead = {**person(0), name: CANARY * 2000}
    answer = await refused(workspace, "POST", "/assign", 422, json={"lead": lead})
    assert answer.json()["errors"][0]["path"] == f"lead.{name}"


async def test_no_error_repeats_what_was_sent(workspace: Workspace, printed: list[str]) -> None:
    returned = await workspace.assign(**person(0))
    nobody = {"owner_id": CANARY}
    await refused(workspace, "GET", f"/{CANARY}", 404)
    await refused(workspace, "GET", f"/leads/{CANARY}", 404)
    await refused(workspace, "GET", f"/assignments/{CANARY}", 404)
    await refused(workspace, "DELETE", "/assign", 405)
    await refused(workspace, CANARY.upper(), "/assign", 405)
    await refused(workspace, "POST", "/assign", 400, content=b'{"lead": {"email": "zqcanary@', headers=JSON)
    await refused(workspace, "POST", "/assign", 415, content=CANARY.encode())
    await refused(workspace, "POST", "/assign", 413, content=CANARY.encode() * 100_000, headers=JSON)
    await refused(workspace, "GET", f"/leads?external_id={CANARY}&crm_lead_id={CANARY}", 422)
    await refused(workspace, "GET", f"/leads?external_id={CANARY * 99}", 422)
    await refused(workspace, "POST", f"/queues/{CANARY}/claim", 422, json=nobody)
    await refused(workspace, "POST", f"/queues/{CANARY}/claim", 404, json={"owner_id": "ben"})
    await refused(workspace, "POST", "/leads/lookup", 422, json={"email": CANARY, "phone": CANARY})
    await refused(workspace, "POST", "/reassign", 422, json={"lead_id": returned["lead_id"], "to": CANARY})
    await refused(workspace, "POST", "/reassign", 422, json={"lead_id": CANARY})
    key = {"Idempotency-Key": CANARY}
    await workspace.client.post("/assign", json={"lead": person(5)}, headers=key)
    await refused(workspace, "POST", "/assign", 422, json={"lead": person(6)}, headers=key)
    async with workspace.caller(f"la_test_{CANARY}") as stranger:
        answer = await stranger.get("/metrics")
    assert answer.status_code == 401
    assert is_clean(answer.text)
    assert is_clean((await workspace.client.get("/metrics")).text)


JSON = {"Content-Type": "application/json"}
RAISING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'not this one: %', new; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON leads FOR EACH ROW EXECUTE FUNCTION refuse();
"""


async def test_an_error_of_the_database_that_quotes_the_row_is_not_repeated(
    workspace: Workspace, printed: list[str]
) -> None:
    await workspace.pool.execute(RAISING)
    await refused(workspace, "POST", "/assign", 500, json={"lead": person(0)})
    answer = await workspace.client.post("/assign/batch", json={"items": [{"lead": person(1)}] * 2})
    assert {item["status"] for item in answer.json()["items"]} == {500}
    assert is_clean(answer.text)
    assert is_clean((await workspace.client.get("/metrics")).text)


async def test_a_timeout_at_the_workspace_lock_names_no_lead(filled: Filled, printed: list[str]) -> None:
    async with open_filled(filled, request_timeout_seconds=0.5) as workspace, workspace.edit():
        answer = await refused(workspace, "POST", "/assign", 503, json={"lead": person(0)})
    assert int(answer.headers["retry-after"]) >= 1


async def test_message_of_a_strategy_that_raises_is_not_logged(database: str, printed: list[str]) -> None:
    poisonous = Poisonous()
    plan = "{queues: {desk: {}}, pipeline: [{poisonous: {}}, {queue: {name: desk}}]}"
    async with open_workspace(database, strategies={poisonous.name: poisonous}) as workspace:
        await workspace.publish(plan)
        returned = await workspace.assign(**{**person(0), "city": "Nowhere"})
        assert returned["queue"] == "desk"
        assert is_clean(str(returned["trace"]))
        assert is_clean((await workspace.client.get("/metrics")).text)
