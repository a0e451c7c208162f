"""`verify`: silent about data that is right, loud about every kind of damage."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.audit.verify import VerifyReport, verify
from app.engine.model.stored import ENGINE_VERSION
from app.store.stored_bytes import pack, unpack
from tests.support.factories import OWNERS, PLAN, TEAMS
from tests.support.postgres import Clusters, in_a_thread
from tests.support.workspace import Filled, Workspace, fill_with_workspace, open_filled

COUNTRIES = ("DE", "AT", "US", "FR")
AFTER_BUSY_DAYS = "after_busy_days"


async def check(workspace: Workspace) -> VerifyReport:
    return await verify(workspace.pool, workspace.workspace_id)


async def busy_days(workspace: Workspace) -> None:
    """A realistic mixture of all kinds of requests, with edits and a new plan in between."""
    await arrive(workspace, "early", 40)
    await workspace.put("owners", "ben", {**OWNERS["ben"], "timezone": "Asia/Tokyo", "active": False})
    await claim_and_close(workspace)
    await arrive(workspace, "second", 40)
    members = [*TEAMS["inbound"]["members"], {"owner": "zoe", "weight": 1.5, "caps": {"per_day": 9}}]
    await workspace.put("owners", "zoe", {"name": "Zoe", "caps": {"rolling": [{"count": 5, "hours": 1}]}})
    await workspace.put("teams", "inbound", {"name": "Inbound", "members": members})
    await workspace.put("owners", "ben", OWNERS["ben"])
    await workspace.publish(PLAN.replace("least_loaded", "round_robin"))
    await arrive(workspace, "third", 60)
    async with workspace.edit() as edit:
        record = await edit.find("owners", "zoe")
        assert record is not None
        await edit.delete(record)
    await claim_and_close(workspace)
    await arrive(workspace, "early", 10)
    await arrive(workspace, "late", 40)


async def arrive(workspace: Workspace, name: str, count: int) -> None:
    """Leads of every kind, one in five of whom was here before."""
    items = [
        {
            "lead": {
                "external_id": f"{name}-{number - number % 5 // 4}",
                "email": f"{name}{number}@people.example",
                "country": COUNTRIES[number % 4],
                "source": "partner" if number % 6 == 5 else "web",
                "lead_type": "student" if number % 11 == 10 else "content",
                "employees": number,
                "last_seen_at": "2026-11-20T10:00:00Z",
                "attributes": {"seats": number / 3},
            },
            "exclude": ["ana"] if number % 9 == 8 else [],
        }
        for number in range(count)
    ]
    answer = await workspace.client.post("/assign/batch", json={"items": items})
    assert {item["status"] for item in answer.json()["items"]} == {201}


async def claim_and_close(workspace: Workspace) -> None:
    """Claims, reassignments to an owner, a team and a queue and without a target, and closed leads."""
    for _ in range(3):
        await workspace.client.post("/queues/partner-desk/claim", json={"owner_id": "ana"})
    rows = await workspace.pool.fetch(
        "SELECT lead_id, id FROM assignments WHERE open AND outcome = 'assigned'"
        " ORDER BY decision_number LIMIT 12"
    )
    targets = [{"owner": "ana"}, {"team": "inbound"}, {"queue": "unrouted"}, None]
    for row, to in zip(rows, targets * 2, strict=False):
        body = {"lead_id": str(row["lead_id"]), "exclude": [] if to else ["ana"], "to": to}
        answer = await workspace.client.post("/reassign", json=body)
        assert answer.status_code == 201, answer.text
    for row in rows[8:]:
        answer = await workspace.client.post(f"/assignments/{row['id']}/events", json={"type": "closed"})
        assert answer.status_code == 200


@pytest.fixture(scope="session")
def worked_template(clusters: Clusters, pytestconfig: pytest.Config) -> Filled:
    """A workspace after busy days, in a database that is made once and cloned for each test."""
    made: list[Filled] = []

    async def fill(dsn: str) -> None:
        made.append(await fill_with_workspace(dsn))
        async with open_filled(made[0], no_worker=True) as workspace:
            await busy_days(workspace)

    clusters.prepare(
        pytestconfig.getoption("--postgres"),
        AFTER_BUSY_DAYS,
        lambda dsn: in_a_thread(lambda: asyncio.run(fill(dsn))),
    )
    return made[0]


@pytest_asyncio.fixture
async def worked(
    clusters: Clusters, pytestconfig: pytest.Config, worked_template: Filled
) -> AsyncIterator[Workspace]:
    with clusters.clone(pytestconfig.getoption("--postgres"), AFTER_BUSY_DAYS) as dsn:
        async with open_filled(worked_template._replace(dsn=dsn)) as workspace:
            yield workspace


async def test_an_empty_workspace_is_in_order(workspace: Workspace) -> None:
    assert (await check(workspace)).clean


async def test_verify_finds_no_difference_after_busy_days(worked: Workspace) -> None:
    report = await check(worked)
    assert report.lines()[-1] == "OK"
    assert report.clean
    assert report.differences == []
    decisions = await worked.pool.fetchval("SELECT count(*) FROM assignments")
    assert report.decisions == report.same_engine == decisions > 200
    assert report.ledger_rows == await worked.pool.fetchval("SELECT count(*) FROM ledger_entries") > 50
    outcomes = await worked.pool.fetch("SELECT DISTINCT outcome, cause FROM assignments")
    assert {row["outcome"] for row in outcomes} == {"assigned", "queued", "automated", "blocked"}
    assert {row["cause"] for row in outcomes} == {"assign", "reassign", "claim"}
    causes = await worked.pool.fetch("SELECT DISTINCT cause FROM ledger_entries")
    assert {row["cause"] for row in causes} == {"turn", "rebalanced"}
    assert "leads unaccounted for: 0" in report.lines()


async def test_size_of_slices_does_not_change_the_result(worked: Workspace) -> None:
    whole, sliced = await check(worked), await verify(worked.pool, worked.workspace_id, slice_size=7)
    assert sliced.lines() == whole.lines()


async def rewrite(workspace: Workspace, column: str, old: str, new: str) -> None:
    """Put `new` for `old` in the stored JSON of every decision."""
    rows = await workspace.pool.fetch(f"SELECT id, {column} AS document FROM assignments")
    documents = [
        (pack(unpack(row["document"]).replace(old.encode(), new.encode())), row["id"]) for row in rows
    ]
    await workspace.pool.executemany(f"UPDATE assignments SET {column} = $1 WHERE id = $2", documents)


async def test_decision_of_another_engine_version_must_match_in_its_settlement_only(
    worked: Workspace,
) -> None:
    await rewrite(worked, "response", '"not_evaluated":', '"left_out":')
    assert len((await check(worked)).differences) > 200
    await rewrite(worked, "inputs", f'"engine":"{ENGINE_VERSION}"', '"engine":"0"')
    report = await check(worked)
    assert report.clean
    assert report.same_engine == 0


async def test_decisions_stored_without_a_note_are_replayed(worked: Workspace) -> None:
    await rewrite(worked, "inputs", ',"note":null', "")
    rows = await worked.pool.fetch("SELECT inputs FROM assignments")
    assert len([row for row in rows if b'"note"' not in unpack(row["inputs"])]) > 200
    assert (await check(worked)).clean


async def test_a_trace_that_was_rewritten_is_found(worked: Workspace) -> None:
    await rewrite(worked, "response", '"code":"not_next"', '"code":"missing_skill"')
    assert re.search(r"decision \d+ \(.*\): trace$", (await check(worked)).differences[0])


async def test_an_answer_that_was_rewritten_is_found(worked: Workspace) -> None:
    await rewrite(worked, "response", '"id":"ben"', '"id":"ana"')
    assert re.search(r"decision \d+ \(.*\): owner$", (await check(worked)).differences[0])


MIDDLE = (
    "(SELECT id FROM assignments WHERE outcome = 'assigned' AND open"
    " ORDER BY decision_number OFFSET 5 LIMIT 1)"
)
FIRST_TURN = "(team_id, number) = ('inbound', 3)"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (f"UPDATE assignments SET owner_id = 'nobody' WHERE id = {MIDDLE}", r"decision \d+ \(.*\): owner"),
        (f"UPDATE assignments SET team_id = 'other' WHERE id = {MIDDLE}", r"decision \d+ \(.*\): team"),
        (f"UPDATE assignments SET code = 'other' WHERE id = {MIDDLE}", r"decision \d+ \(.*\): code"),
        (f"UPDATE assignments SET plan_version = 9 WHERE id = {MIDDLE}", r"decision \d+ \(.*\): plan"),
        (f"UPDATE assignments SET inputs = '{{}}' WHERE id = {MIDDLE}", r"decision \d+ \(.*\): cannot be"),
        (f"UPDATE assignments SET inputs = '[' WHERE id = {MIDDLE}", r"decision \d+ \(.*\): cannot be"),
        (f"UPDATE assignments SET inputs = '[]' WHERE id = {MIDDLE}", r"decision \d+ \(.*\): cannot be"),
        ("DELETE FROM plans WHERE version = 1", r"decision 1 \(.*\): cannot be replayed"),
        ("DELETE FROM assignments WHERE decision_number = 7", r"decisions 7 to 7 are missing"),
        ("DELETE FROM assignments WHERE decision_number > 50", r"decisions 51 to \d+ are missing"),
        (
            f"DELETE FROM ledger_entries WHERE {FIRST_TURN}",
            r"team inbound: rows 3 to 3 of the ledger are missing",
        ),
        (
            "DELETE FROM ledger_entries WHERE number > 3 AND team_id = 'inbound'",
            r"team inbound: rows 4 to \d+ of",
        ),
        ("DELETE FROM ledger_entries WHERE team_id = 'inbound'", r"team inbound: rows 1 to \d+ of"),
        (
            f"UPDATE ledger_entries SET amounts[1] = amounts[1] + 5, amounts[2] = amounts[2] - 5 WHERE"
            f" {FIRST_TURN}",
            r"team inbound: \w+ does not stand as the ledger adds up",
        ),
        (f"UPDATE ledger_entries SET chosen = 'zoe' WHERE {FIRST_TURN}", r"team inbound: zoe does not stand"),
        (
            "ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_amounts_check;"
            f" UPDATE ledger_entries SET amounts[1] = amounts[1] + 5 WHERE {FIRST_TURN}",
            r"team inbound: row 3 of the ledger does not sum to zero",
        ),
        (f"UPDATE assignments SET open = false WHERE id = {MIDDLE}", r"owner \w+: \d+ open by the journal"),
        ("UPDATE assignments SET open = true WHERE outcome = 'assigned'", r"ana in team dach: \d+ open by"),
        ("DELETE FROM leads WHERE id = (SELECT id FROM leads LIMIT 1)", r"unaccounted leads: 1 were"),
        ("UPDATE journal SET received = received + 2", r"unaccounted leads: 2 were"),
        ("UPDATE journal SET decision_number = decision_number + 1", r"decisions \d+ to \d+ are missing"),
        (
            "UPDATE journal"
            " SET state_delta = state_delta::jsonb || '{\"standing\": {\"inbound\": {\"ana\": [7, 1]}}}'"
            " WHERE number = (SELECT max(number) FROM journal)",
            r"team inbound: the balances of its members sum to",
        ),
        (
            "UPDATE directory SET body = body || '{\"name\": \"Anna\"}' WHERE id = 'ana'",
            r"owner ana: the record differs from the change log",
        ),
        (
            "DELETE FROM directory WHERE resource_type = 'teams' AND id = 'dach'",
            r"team dach: the record differs from the change log",
        ),
    ],
)  # fmt: skip
async def test_damage_is_found_and_named_without_anybodys_data(
    worked: Workspace, damage: str, said: str
) -> None:
    # No law of the database stands in the way of this damage: a failing disk asks none.
    await worked.pool.execute(
        f"SET session_replication_role = replica; {damage}; RESET session_replication_role"
    )
    report = await check(worked)
    assert not report.clean
    assert [line for line in report.differences if re.search(said, line)], report.differences[:5]
    assert "people.example" not in "\n".join(report.lines())
    assert re.fullmatch(r"\d+ differences", report.lines()[-1])


async def test_a_long_list_is_cut(worked: Workspace) -> None:
    await worked.pool.execute("UPDATE assignments SET code = 'other'")
    report = await check(worked)
    assert len(report.differences) > 200
    assert len([line for line in report.lines() if line.startswith("DIFFERENT")]) == 100
    assert f"and {len(report.differences) - 100} more" in report.lines()


async def test_decisions_of_a_large_team_are_reproduced(workspace: Workspace) -> None:
    members = [{"owner": f"rep{number}"} for number in range(60)]
    for member in members:
        await workspace.client.put(f"/owners/{member['owner']}", json={})
    assert (await workspace.client.put("/teams/large", json={"members": members})).status_code == 201
    await workspace.publish(
        "pipeline: [{round_robin: {team: large}}, {queue: {name: desk}}]\nqueues: {desk: {}}"
    )
    returned = await workspace.assign(email="a@people.example")
    (target,) = returned["trace"]["steps"][0]["targets"]
    assert target["more_candidates"] == {"not_next": 10}
    explained = await workspace.get(f"/assignments/{returned['assignment_id']}/explain")
    assert len(explained["steps"][0]["targets"][0]["candidates"]) == 60
    assert (await verify(workspace.pool, workspace.workspace_id)).clean
