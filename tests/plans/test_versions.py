"""Plan versions: draft, publish, roll back."""

from typing import Any

import httpx2
import pytest

from tests.support.factories import PLAN
from tests.support.workspace import Workspace, create_workspace

SIMPLE = """
queues: {unrouted: {claimable_by: inbound}}   # a comment that the source keeps
pipeline:
  - round_robin: {team: TEAM}
  - queue: {name: unrouted}
"""


async def draft(workspace: Workspace, text: str, media: str = "application/yaml") -> httpx2.Response:
    """The response to this plan."""
    return await workspace.client.post("/plans", content=text.encode(), headers={"content-type": media})


async def drafted(workspace: Workspace, text: str) -> int:
    """The version of a stored draft."""
    answer = await draft(workspace, text)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["version"])


async def publish(workspace: Workspace, version: int, how: str = "publish", **body: Any) -> httpx2.Response:
    """Publish a version, or roll back to it."""
    return await workspace.client.post(f"/plans/{version}/{how}", json=body)


async def test_draft_changes_nothing_until_it_is_published(workspace: Workspace) -> None:
    answer = await draft(workspace, "comment: try it" + SIMPLE.replace("TEAM", "dach"))
    assert answer.status_code == 201
    told = answer.json()
    assert (told["version"], told["comment"], told["active"]) == (2, "try it", False)
    assert (told["findings"], told["ok"], told["activated_at"]) == ([], True, None)
    before = await workspace.assign(external_id="before")
    assert (before["plan_version"], before["team"]) == (1, "inbound")
    active = (await publish(workspace, 2, comment="all to DACH")).json()
    assert active["active"] is True
    assert active["activated_at"] is not None
    after = await workspace.assign(external_id="after")
    assert (after["plan_version"], after["team"]) == (2, "dach")
    assert (await workspace.get("/plans/active"))["version"] == 2


async def test_comment_of_a_plan_is_a_string_of_at_most_1000_characters(workspace: Workspace) -> None:
    for comment, code in (("x" * 1001, "too_long"), ("7", "wrong_type")):
        answer = await draft(workspace, f"comment: {comment}" + SIMPLE.replace("TEAM", "inbound"))
        assert [(each["path"], each["code"]) for each in answer.json()["errors"]] == [("comment", code)]
    assert (await workspace.client.post("/plans?comment=x", content=SIMPLE)).status_code == 422


async def test_version_is_returned_as_it_was_sent(workspace: Workspace) -> None:
    text = SIMPLE.replace("TEAM", "inbound")
    await drafted(workspace, text)
    shown = await workspace.get("/plans/2")
    assert shown["source_text"] == text
    assert shown["document"]["pipeline"] == [
        {"round_robin": {"team": "inbound"}},
        {"queue": {"name": "unrouted"}},
    ]
    page = await workspace.get("/plans?limit=1")
    assert [each["version"] for each in page["items"]] == [1]
    rest = await workspace.get(f"/plans?after={page['next']}")
    assert [(each["version"], each["active"]) for each in rest["items"]] == [(2, False)]


async def test_plan_may_be_sent_as_json(workspace: Workspace) -> None:
    plan = {"queues": {"q": {}}, "pipeline": [{"queue": {"name": "q"}}]}
    answer = await workspace.client.post("/plans", json=plan)
    assert answer.status_code == 201
    assert (await workspace.get("/plans/2"))["document"] == plan


async def test_rollback_accepts_only_versions_that_were_active(workspace: Workspace) -> None:
    two, three = await drafted(workspace, SIMPLE.replace("TEAM", "dach")), await drafted(workspace, PLAN)
    assert (await publish(workspace, two, "rollback")).json()["code"] == "never_published"
    assert (await publish(workspace, two)).status_code == 200
    assert (await publish(workspace, two)).json()["code"] == "already_active"
    assert (await publish(workspace, three)).status_code == 200
    assert (await publish(workspace, two, "rollback", comment="back")).status_code == 200
    assert (await publish(workspace, two, "rollback")).status_code == 409
    assert (await workspace.assign(external_id="a"))["plan_version"] == two
    log = [
        each for each in (await workspace.get("/changes?resource_type=plans"))["items"] if each["version"] > 6
    ]
    assert [(each["action"], each["resource_id"], each["comment"]) for each in log] == [
        ("draft", "2", None),
        ("draft", "3", None),
        ("publish", "2", None),
        ("publish", "3", None),
        ("rollback", "2", "back"),
    ]
    assert log[-1]["before"] == {"version": 3}


async def test_rollback_accepts_a_version_that_names_a_deleted_team(workspace: Workspace) -> None:
    await workspace.client.put("/teams/spare", json={"members": [{"owner": "ana"}]})
    two, three = await drafted(workspace, SIMPLE.replace("TEAM", "spare")), await drafted(workspace, PLAN)
    for version in (two, three):
        assert (await publish(workspace, version)).status_code == 200
    assert (await workspace.client.delete("/teams/spare")).status_code == 204
    assert (await publish(workspace, two)).status_code == 422
    back = await publish(workspace, two, "rollback")
    assert back.status_code == 200
    assert [(each["code"], each["severity"]) for each in back.json()["findings"]] == [
        ("unknown_team", "warning")
    ]
    assert (await workspace.assign(external_id="a"))["queue"] == "unrouted"


RULE = "{rule: {name: a, when: %s, then: %s}}"
QUEUE = "{queue: {name: q}}"
REFUSED = [
    ("{round_robin: {team: nobody}}, " + QUEUE, "pipeline[0].round_robin.team", "unknown_team"),
    (RULE % ("{tier: x}", "{owner: x}") + f", {QUEUE}", "pipeline[0].rule.then.owner", "unknown_owner"),
    ("{round_robin: {team: inbound}}", "pipeline[0]", "no_catch_all"),
    (QUEUE + ", {round_robin: {team: inbound}}", "pipeline[1]", "no_catch_all"),
    (
        QUEUE + "]\ntests: [{lead: {country: DE}, expect: {team: inbound}}",
        "tests[0].expect.team",
        "test_failed",
    ),
]


@pytest.mark.parametrize(("text", "path", "code"), REFUSED)
async def test_plan_with_errors_is_stored_but_not_published(
    workspace: Workspace, text: str, path: str, code: str
) -> None:
    answer = await draft(workspace, f"queues: {{q: {{}}}}\npipeline: [{text}]")
    assert answer.status_code == 201
    assert answer.json()["ok"] is False
    assert (path, code) in [(each["path"], each["code"]) for each in answer.json()["findings"]]
    refused = await publish(workspace, 2)
    assert refused.status_code == 422
    assert refused.json()["code"] == "plan_invalid"
    assert (path, code) in [(each["path"], each["code"]) for each in refused.json()["errors"]]
    assert (await workspace.get("/plans/active"))["version"] == 1


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        ("[", "", "invalid_syntax"),
        ("a", "pipeline", "wrong_type"),
        ("[{queue: {name: q, nmae: x}}]", "pipeline[0].queue.nmae", "unknown_field"),
        (f"[{RULE % ('{contry: DE}', '{block: x}')}]", "pipeline[0].rule.when.contry", "unknown_field"),
        (
            f"[{RULE % ('{employees: {prefix: 5}}', '{block: x}')}]",
            "pipeline[0].rule.when.employees.prefix",
            "wrong_operator",
        ),
        (
            f"[{RULE % ('{title: {matches: (}}', '{block: x}')}]",
            "pipeline[0].rule.when.title.matches",
            "invalid_pattern",
        ),
        ("&x []\nqueues: *x", "pipeline", "yaml_alias"),
    ],
)
async def test_unparseable_plan_is_not_stored(workspace: Workspace, text: str, path: str, code: str) -> None:
    answer = await draft(workspace, f"pipeline: {text}")
    assert answer.status_code == 422
    assert (path, code) in [(each["path"], each["code"]) for each in answer.json()["errors"]]
    assert (await workspace.client.get("/plans/2")).status_code == 404


TESTS = [
    ("{lead: {source: partner}, expect: {queue: partner-desk, rule: partners, outcome: queued}}", True),
    ("{lead: {source: partner}, expect: {team: inbound}}", False),
    ("{lead: {country: Germany}, expect: {team: inbound}}", True),
    ("{lead: {country: Germany, email: a@x.example}, expect: {team: dach, owner: ana}}", True),
    ("{lead: {country: DE, email: a@x.example}, given: {absent: [ana]}, expect: {owner: ben}}", True),
    ("{lead: {country: DE, email: a@x.example}, given: {absent: [ana, ben]}, expect: {owner: eve}}", True),
    ("{lead: {}, given: {absent: [ana, ben, eve]}, expect: {queue: unrouted, step: unrouted}}", True),
    ("{lead: {}, given: {existing: {owner: eve}}, expect: {owner: eve, step: returning_lead}}", True),
    ("{lead: {}, given: {existing: {owner: eve, at: now-100d}}, expect: {owner: eve}}", False),
    ("{lead: {}, given: {absent: [eve], existing: {owner: eve}}, expect: {owner: ana, team: inbound}}", True),
    ("{lead: {}, given: {existing: {queue: partner-desk}}, expect: {queue: partner-desk}}", True),
    ("{lead: {lead_type: student}, trigger: chat, expect: {block: students, outcome: blocked}}", True),
    ("{lead: {last_purchase_at: 2026-01-01}, given: {now: 2026-01-10}, expect: {block: fresh}}", True),
    ("{lead: {last_purchase_at: 2026-01-01}, given: {now: 2026-03-10}, expect: {block: fresh}}", False),
    ("{lead: {engagement: [{name: pricing, at: 2026-01-01}]}, expect: {team: inbound}}", True),
    ("{lead: {}, expect: {actions: [task], reason: round_robin}}", True),
    ("{lead: {}, expect: {actions: []}}", False),
    ("{lead: {}, expect: {sla: hot}}", False),
    ("{lead: {lead_type: student}, expect: {actions: []}}", True),
    ("{lead: {lead_type: student}, expect: {actions: [task]}}", False),
    ("{lead: {}, given: {existing: {owner: eve}}, expect: {reason: reengaged}}", True),
]  # fmt: skip


@pytest.mark.parametrize(("case", "passes"), TESTS)
async def test_plan_tests_run_through_the_engine(workspace: Workspace, case: str, passes: bool) -> None:
    await workspace.client.patch("/owners/ana", json={"active": False, "caps": {"open": 0}})
    fresh = "  - rule: {name: fresh, when: {last_purchase_at: {gt: now-30d}}, then: {block: fresh}}\n"
    text = PLAN.replace("pipeline:\n", "pipeline:\n" + fresh) + f"tests:\n  - {case}\n"
    answer = (await draft(workspace, text)).json()
    assert [each["code"] for each in answer["findings"] if each["severity"] == "error"] == (
        [] if passes else ["test_failed"]
    )


async def test_every_owner_matches_the_lead_of_a_plan_test(workspace: Workspace) -> None:
    text = PLAN.replace(
        "pipeline:\n", "fields: {region: {from: country, EMEA: [DE]}}\npipeline:\n" + MATCHING
    )
    case = "{lead: {country: DE, language: pl, email: a@x.example}, expect: {team: inbound, rule: matching}}"
    answer = (await draft(workspace, f"{text}tests:\n  - {case}\n")).json()
    assert [each["code"] for each in answer["findings"] if each["severity"] == "error"] == []


MATCHING = (
    "  - rule: {name: matching, when: {language: pl}, then: {team: inbound, match: [language, region]}}\n"
)


async def test_team_deleted_after_the_draft_stops_publishing(workspace: Workspace) -> None:
    await workspace.client.put("/teams/spare", json={"members": [{"owner": "ana"}]})
    two = await drafted(workspace, SIMPLE.replace("TEAM", "spare"))
    await workspace.client.delete("/teams/spare")
    assert (await publish(workspace, two)).json()["errors"][0]["code"] == "unknown_team"


async def test_schema_describes_every_step(workspace: Workspace) -> None:
    schema = await workspace.get("/plans/schema")
    steps = schema["properties"]["pipeline"]["items"]["oneOf"]
    assert {name for step in steps for name in step["required"]} >= {"rule", "round_robin", "queue"}


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/plans/7", 404),
        ("GET", "/plans/0", 404),
        ("GET", "/plans/first", 404),
        ("GET", "/plans/99999999999999999999", 404),
        ("GET", "/plans?after=99999999999", 200),
        ("POST", "/plans/7/publish", 404),
        ("POST", "/plans/7/rollback", 404),
        ("POST", "/plans/1/publish", 409),
    ],
)
async def test_unknown_version_is_rejected(workspace: Workspace, method: str, url: str, status: int) -> None:
    assert (await workspace.client.request(method, url)).status_code == status


async def test_workspace_does_not_see_the_plans_of_another(workspace: Workspace) -> None:
    other = await create_workspace(workspace.app, f"other than {workspace.workspace_id}")
    async with other.client:
        assert (await other.client.get("/plans/2")).status_code == 404
        await drafted(workspace, PLAN)
        assert (await other.client.get("/plans/2")).status_code == 404


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (PLAN, "text/yaml; charset=utf-8", 201),
        (PLAN, "application/x-yaml", 201),
        (PLAN, "text/plain", 415),
        ("#" * (4 * 1024 * 1024 + 1), "application/yaml", 413),
        ("", "application/yaml", 422),
    ],
)
async def test_media_type_and_size_of_a_plan_are_checked(
    workspace: Workspace, content: str, media: str, status: int
) -> None:
    assert (await draft(workspace, content, media)).status_code == status


@pytest.mark.parametrize(
    ("scope", "drafts", "publishes", "reads"),
    [
        ("plan:write", 201, 403, 200),
        ("plan:approve", 403, 200, 200),
        ("leads:read", 403, 403, 200),
        ("directory:write", 403, 403, 403),
    ],
)
async def test_scopes_separate_drafting_from_publishing(
    workspace: Workspace, scope: str, drafts: int, publishes: int, reads: int
) -> None:
    two = await drafted(workspace, PLAN)
    async with workspace.caller(await workspace.issue_key(scope)) as client:
        sent = await client.post("/plans", content=PLAN, headers={"content-type": "application/yaml"})
        assert sent.status_code == drafts
        assert (await client.post(f"/plans/{two}/publish")).status_code == publishes
        for url in ("/plans", "/plans/1", "/plans/active", "/plans/schema"):
            assert (await client.get(url)).status_code == reads


async def test_plan_that_drops_a_queue_tells_of_the_leads_that_wait_there(workspace: Workspace) -> None:
    with_desk = "queues: {desk: {claimable_by: inbound}}\npipeline: [{queue: {name: desk}}]"
    await workspace.publish(with_desk)
    for number in range(2):
        await workspace.assign(external_id=str(number))
    assert (await draft(workspace, with_desk)).json()["findings"] == []
    answer = (await draft(workspace, "queues: {other: {}}\npipeline: [{queue: {name: other}}]")).json()
    (finding,) = answer["findings"]
    assert (finding["path"], finding["code"], finding["severity"]) == ("queues", "queue_dropped", "warning")
    assert "2 leads wait in the queue 'desk'" in finding["detail"]
    assert (await publish(workspace, answer["version"])).status_code == 200
