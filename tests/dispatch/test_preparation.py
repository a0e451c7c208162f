"""What is found out about a lead before the lock: when it is, and what becomes of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson
import pytest

from app.audit.verify import verify
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import Job
from app.dispatch.preparation import PreparedFor
from app.dispatch.prepared import MAX_ROUNDS
from app.engine.compile.plan import Plan
from app.engine.model.filled import FilledField
from app.registry import strategies
from app.store.stored_bytes import unpack
from tests.support.workspace import Workspace

pytestmark = pytest.mark.alone

INDUSTRY = """
queues: {desk: {}, banks: {}}
pipeline:
  - rule: {name: banks, when: {industry: banking}, then: {queue: banks}}
  - queue: {name: desk}
"""
WITHOUT = "queues: {desk: {}}\npipeline: [{queue: {name: desk}}]"


@dataclass
class Directory:
    """A preparer that knows the industry of every company; for plans that have a rule named banks."""

    name: str = "industries"
    outside: bool = True
    asked: list[int] = field(default_factory=list)
    seconds: float = 0
    fault: Exception | None = None

    def wanted(self, plan: Plan) -> bool:
        return any(step.name == "banks" for step in plan.steps)

    async def prepare(self, jobs: Sequence[Job], of: PreparedFor) -> None:
        self.asked.append(len(jobs))
        await asyncio.sleep(self.seconds)
        if self.fault is not None:
            raise self.fault
        for job in jobs:
            job.prepared.filled["industry"] = FilledField("banking", self.name)
            job.prepared.counts["of_the_company"] = 3


def use(workspace: Workspace, directory: Directory, deadline: float = 5.0) -> None:
    """Let the service of this workspace ask this preparer."""
    state = workspace.app.state
    state.dispatch = Dispatcher(
        workspace.pool, strategies(), state.dispatch.metrics, deadline=deadline, preparers=[directory]
    )


async def question_of(workspace: Workspace, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    (row,) = await workspace.fetch(
        "SELECT inputs FROM assignments WHERE workspace_id = $1 AND id = $2", answer["assignment_id"]
    )
    return dict(orjson.loads(unpack(row["inputs"]))["question"])


async def test_what_is_filled_decides_and_is_stored_apart_from_what_was_sent(workspace: Workspace) -> None:
    await workspace.publish(INDUSTRY)
    use(workspace, Directory())
    filled = await workspace.assign(email="a@firm.example")
    sent = await workspace.assign(email="b@firm.example", industry="retail")
    assert (filled["queue"], filled["trace"]["filled"]) == ("banks", {"industry": "industries"})
    assert (sent["queue"], "filled" in sent["trace"]) == ("desk", False)
    question = await question_of(workspace, filled)
    assert (question["filled"], question["counts"]) == (
        {"industry": ["banking", "industries"]},
        {"of_the_company": 3},
    )
    assert "industry" not in question["values"]
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_nothing_is_asked_for_a_plan_that_wants_nothing(workspace: Workspace) -> None:
    await workspace.publish(WITHOUT)
    use(workspace, directory := Directory())
    await workspace.assign(email="a@firm.example")
    await workspace.client.post("/assign/batch", json={"items": [{"lead": {"email": "b@firm.example"}}]})
    assert directory.asked == []


async def test_every_way_asks_once_for_all_its_leads(workspace: Workspace) -> None:
    await workspace.publish(INDUSTRY)
    use(workspace, directory := Directory())
    items = [{"lead": {"email": f"p{number}@firm.example"}} for number in range(40)]
    batch = (await workspace.client.post("/assign/batch", json={"items": items})).json()["items"]
    dry = await workspace.client.post("/assign", json={"lead": {"email": "x@firm.example"}, "dry_run": True})
    assert {each["decision"]["queue"] for each in batch} == {"banks"}
    assert (dry.json()["queue"], directory.asked) == ("banks", [40, 1])


async def test_plan_published_in_between_is_prepared_for(workspace: Workspace) -> None:
    await workspace.publish(WITHOUT)
    use(workspace, directory := Directory())
    before = await workspace.assign(email="a@firm.example")
    await workspace.publish(INDUSTRY)
    after = await workspace.assign(email="b@firm.example")
    assert (before["queue"], after["queue"], directory.asked) == ("desk", "banks", [1])


async def test_nothing_is_asked_for_a_plan_that_was_replaced(workspace: Workspace) -> None:
    """Of the providers that a plan has no more, none hears of the first lead after it."""
    await workspace.publish(INDUSTRY)
    use(workspace, directory := Directory())
    queues = [(await workspace.assign(email="a@firm.example"))["queue"]]
    for plan, email in ((WITHOUT, "b"), (INDUSTRY, "c"), (INDUSTRY.replace("banks:", "banks: "), "d")):
        await workspace.publish(plan)
        queues.append((await workspace.assign(email=f"{email}@firm.example"))["queue"])
    assert (queues, directory.asked) == (["banks", "desk", "banks", "banks"], [1, 1, 1])


async def test_what_is_late_is_named_and_the_decision_is_made_without_it(workspace: Workspace) -> None:
    await workspace.publish(INDUSTRY)
    use(workspace, Directory(seconds=30), deadline=1.0)
    answer = await workspace.assign(email="a@firm.example")
    assert (answer["queue"], answer["degraded"]) == ("desk", ["industries"])
    assert (await question_of(workspace, answer))["degraded"] == ["industries"]


async def test_database_fault_is_left_to_the_lock(workspace: Workspace) -> None:
    await workspace.publish(INDUSTRY)
    use(workspace, directory := Directory(fault=asyncpg.QueryCanceledError("slow")))
    answer = await workspace.assign(email="a@firm.example")
    assert (answer["queue"], answer["degraded"], directory.asked) == (
        "desk",
        ["industries"],
        [1] * MAX_ROUNDS,
    )
    directory.fault = None
    assert (await workspace.assign(email="b@firm.example"))["queue"] == "banks"


async def test_nothing_is_asked_about_suppressed_leads(workspace: Workspace) -> None:
    await workspace.publish(INDUSTRY)
    use(workspace, directory := Directory())
    await workspace.client.post("/suppressions", json={"list": "rivals", "entries": ["rival.example"]})
    emails = ["a@rival.example", "b@firm.example", "c@mail.rival.example"]
    items = [{"lead": {"email": email}} for email in emails]
    batch = (await workspace.client.post("/assign/batch", json={"items": items})).json()["items"]
    assert [each["decision"]["outcome"] for each in batch] == ["blocked", "queued", "blocked"]
    alone = await workspace.assign(email="d@rival.example")
    dry = await workspace.client.post("/assign", json={"lead": {"email": "e@rival.example"}, "dry_run": True})
    assert (alone["outcome"], dry.json()["outcome"], alone["degraded"]) == ("blocked", "blocked", [])
    assert directory.asked == [1]


async def test_a_lead_whose_entry_goes_in_between_is_asked_about(workspace: Workspace) -> None:
    await workspace.publish(INDUSTRY)
    use(workspace, directory := Directory())
    await workspace.client.post("/suppressions", json={"list": "rivals", "entries": ["rival.example"]})
    await workspace.assign(email="a@rival.example")
    writer = workspace.app.state.dispatch._writer(workspace.workspace_id)
    allowed = writer.preparation._allowed
    body = {"list": "rivals", "entries": ["rival.example"], "reason": "customer_now"}

    async def lose_entry(jobs: Sequence[Job], of: PreparedFor) -> list[Job]:
        left: list[Job] = await allowed(jobs, of)
        assert (await workspace.client.post("/suppressions/remove", json=body)).status_code == 200
        return left

    writer.preparation._allowed = lose_entry
    assert (await workspace.assign(email="b@rival.example"))["queue"] == "banks"
    assert directory.asked == [1]
