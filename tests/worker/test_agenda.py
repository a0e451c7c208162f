"""One look at a workspace finds what each duty of a worker has to do, and nothing where nothing is due."""

from app.store.life.agenda import Agenda, read_agenda
from tests.support.workspace import Workspace

CLOCK = """
INSERT INTO sla_clocks (workspace_id, assignment_id, kind, lead_id, started_at, first_due_at, due_at, next_at,
  terms, state, ended_at, strike)
SELECT $1, gen_random_uuid(), 'touch', gen_random_uuid(), now(), due, due, due, '{{}}', {}
  FROM (SELECT now() {} interval '1 hour' AS due) AS time
"""
ASSIGNMENT = """
WITH id AS (SELECT gen_random_uuid() AS lead, gen_random_uuid() AS assignment), lead AS (
  INSERT INTO leads (workspace_id, id, state, assignment_id, received_at)
  SELECT $1, lead, 'queued', assignment, now() FROM id
)
INSERT INTO assignments (workspace_id, id, decision_number, lead_id, cause, outcome, code, priority, open,
  counts_toward_load, decided_at, plan_version, response, inputs,
  queue, {})
SELECT $1, assignment, 1, lead, 'assign', 'queued', 'rule', 0, true, false, now(), 1,
       '{{}}', '{{}}', 'desk', {}
  FROM id
"""
HELD = "held_for_team, held_until"
ACTION = """
INSERT INTO actions (workspace_id, id, lead_id, assignment_id, type, body, created_at, available_at, state)
SELECT $1, 'a', gen_random_uuid(), gen_random_uuid(), 'notify', '{{}}', now(), now() {} interval '1 hour',
       'waiting'
"""
ABSENCE = """
INSERT INTO directory (workspace_id, resource_type, id, body, revision, updated_at)
SELECT $1, 'absences', 'a', '{"owner": "ana", "open_leads": "move"}', 1, now()
"""
EVENT = """
INSERT INTO crm_inbox (workspace_id, endpoint_id, dedupe_key, id, delivery_id, system, object, record_id,
  kind, event_at, event_order, position, received_at, state, next_at, wait_until)
SELECT $1, 'crm', sha256(''), gen_random_uuid(), gen_random_uuid(), 'hubspot', 'contact', '1', 'updated',
       now(), 0, 0, now(), 'pending', now() {} interval '1 hour', {}
"""
JOB = """
INSERT INTO bulk_jobs (workspace_id, id, kind, state, params, total, actor, created_at)
SELECT $1, gen_random_uuid(), 'reassign', 'running', '{}', 0, 'test', now()
"""
ERASURE = """
INSERT INTO owner_erasures (workspace_id, owner_id, version, decision_number, at, actor)
SELECT $1, 'ana', 1, 1, now(), 'test'
"""
TURN = """
INSERT INTO ledger_entries (workspace_id, team_id, number, cause, chosen, at, owners, amounts)
VALUES ($1, 'dach', {}, 'turn', 'ana', now(), '{{ana}}', '{{0}}')
"""
FACT = """
INSERT INTO share_facts (workspace_id, team_id, number, at, split_id)
VALUES ($1, 'dach', 1, now(), gen_random_uuid())
"""
FLAGS = ("held_lead", "clock", "recount", "strike", "leave", "bulk_job", "waiting_action", "crm_event",
         "owner_erasure", "shares")  # fmt: skip
FILLED = {
    "a held lead that is due": (ASSIGNMENT.format(HELD, "'sales', now() - interval '1 hour'"), {"held_lead"}),
    "a held lead": (ASSIGNMENT.format(HELD, "'sales', now() + interval '1 hour'"), set()),
    "a lead that somebody covers": (ASSIGNMENT.format("origin_owner", "'ana'"), {"leave"}),
    "an absence that moves leads": (ABSENCE, {"leave"}),
    "a clock whose time has come": (CLOCK.format("'pending', NULL, NULL", "-"), {"clock"}),
    "a clock": (CLOCK.format("'pending', NULL, NULL", "+"), set()),
    "a new miss": (CLOCK.format("'missed', now(), 'new'", "-"), {"strike"}),
    "a miss that counts": (CLOCK.format("'missed', now(), 'counted'", "-"), set()),
    "clocks to compute again": ("INSERT INTO clock_recounts SELECT $1, 'ana'", {"recount"}),
    "a turn": (TURN.format(1), {"shares"}),
    "a fact": (FACT, set()),
    "an owner to erase": (ERASURE, {"owner_erasure"}),
    "a running job": (JOB, {"bulk_job"}),
    "an action whose time has come": (ACTION.format("-"), {"waiting_action"}),
    "an event of a CRM": (EVENT.format("-", "NULL"), {"crm_event"}),
    "an event to be tried again later": (EVENT.format("+", "NULL"), set()),
    "an event that has waited": (EVENT.format("+", "now()"), {"crm_event"}),
    "an action that waits": (ACTION.format("+"), set()),
}  # fmt: skip


async def test_look_finds_what_is_due_and_nothing_else(workspace: Workspace) -> None:
    found = {}
    async with workspace.pool.acquire() as connection:
        for title, (statement, _) in FILLED.items():
            attempt = connection.transaction()
            await attempt.start()
            await connection.execute(statement, workspace.workspace_id)
            found[title] = _due(await read_agenda(connection, workspace.workspace_id))
            await attempt.rollback()
        assert _due(await read_agenda(connection, workspace.workspace_id)) == set()
    assert found == {title: due for title, (_, due) in FILLED.items()}


def _due(agenda: Agenda) -> set[str]:
    return {name for name in FLAGS if getattr(agenda, name)}
