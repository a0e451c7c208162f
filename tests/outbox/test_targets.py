"""Targets: actions and decisions arrive as signed webhooks, in order per lead, and what fails is seen."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

import pytest

from app.outbox import feed
from app.outbox.retries import MAX_FAILURES
from app.outbox.safe_http import AllowedHosts
from app.secrets import new_key
from tests.support.metrics import sample
from tests.support.processes import PATIENCE
from tests.support.receiver import OK, Answer, Received, Receiver, receiving
from tests.support.workspace import Filled, Workspace, open_filled

PLAN = """
queues: {unrouted: {}, desk: {claim: {hide: [email]}}}
pipeline:
  - rule: {name: hidden, when: {source: desk}, then: {queue: desk}}
  - rule: {name: anas, when: {source: ana}, then: {owner: ana}}
  - rule: {name: bens, when: {source: ben}, then: {owner: ben}}
  - queue: {name: unrouted}
follow_up:
  - do:
      - {type: set_owner}
      - {type: notify, via: slack, text: "{lead.email}"}
"""
DUE_NOW = """
UPDATE target_messages SET next_at = now() WHERE workspace_id = $1 AND state = 'ready' AND next_at > now()
"""
LAST_TRY = "UPDATE target_messages SET attempts = 10 WHERE workspace_id = $1 AND state = 'ready'"
HALF_OPEN = "UPDATE targets SET open_until = now() WHERE workspace_id = $1 AND open_until IS NOT NULL"
SEALED = "SELECT convert_from(sealed, 'UTF8') AS sealed FROM target_secrets WHERE workspace_id = $1"


@pytest.fixture
async def pushing(filled: Filled) -> AsyncIterator[Workspace]:
    """A workspace that may send to this machine, and a worker that looks all the time."""
    async with open_filled(
        filled, worker_interval_seconds=0.02, secrets_key=new_key(), pool_size=20
    ) as workspace:
        workspace.app.state.target_http.allowed = AllowedHosts.parse("127.0.0.1", development=True)
        await workspace.client.patch("/owners/ben", json={"crm": {"salesforce": "005B"}})
        await workspace.publish(PLAN)
        yield workspace


async def target(workspace: Workspace, id_: str, receiver: Receiver, **fields: Any) -> dict[str, Any]:
    answer = await workspace.client.put(f"/targets/{id_}", json={"url": receiver.url, **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def push(workspace: Workspace, **deliver: str) -> None:
    body = {"deliver": deliver or {"*": "push"}}
    answer = await workspace.client.put("/settings/actions", json=body)
    assert answer.status_code in {200, 201}, answer.text


async def deliveries(workspace: Workspace, id_: str, state: str = "") -> list[dict[str, Any]]:
    query = f"?state={state}" if state else ""
    return list((await workspace.get(f"/targets/{id_}/deliveries{query}"))["items"])


async def settled(
    workspace: Workspace, id_: str, condition: Callable[[Sequence[dict[str, Any]]], bool]
) -> list[dict[str, Any]]:
    """The deliveries of a target, as soon as the condition holds."""
    until = time.monotonic() + PATIENCE
    while not condition(found := await deliveries(workspace, id_)):
        assert time.monotonic() < until, found
        await asyncio.sleep(0.02)
    return found


async def next_second(second: int) -> None:
    """Returns when the clock shows a later second."""
    until = time.monotonic() + PATIENCE
    while int(time.time()) <= second:
        assert time.monotonic() < until
        await asyncio.sleep(0.02)


def all_in(*states: str) -> Callable[[Sequence[dict[str, Any]]], bool]:
    return lambda found: bool(found) and all(each["state"] in states for each in found)


async def resend(workspace: Workspace, id_: str, ids: Sequence[str]) -> list[Any]:
    answer = await workspace.client.post(f"/targets/{id_}/resend", json={"ids": list(ids)})
    assert answer.status_code == 200, answer.text
    return [
        each["problem"]["code"] if "problem" in each else each["status"] for each in answer.json()["items"]
    ]


async def moved(workspace: Workspace, lead_id: str, owner: str) -> dict[str, Any]:
    answer = await workspace.client.post("/reassign", json={"lead_id": lead_id, "to": {"owner": owner}})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_decision_and_its_actions_arrive_signed_and_in_order(pushing: Workspace) -> None:
    async with receiving() as receiver:
        made = await target(pushing, "crm", receiver)
        await push(pushing)
        decision = await pushing.assign(external_id="L", email="mara@people.example", source="ana")
        got = await receiver.until(lambda got: len(got) == 3)
    ids = [decision["assignment_id"], *(each["id"] for each in decision["actions"])]
    assert [each.id for each in got] == ids
    assert [each.document["type"] for each in got] == ["decision.made", "set_owner", "notify"]
    assert all(each.signed_with(made["secret"]) for each in got)
    assert not any(each.signed_with("whsec_" + "A" * 44) for each in got)
    assert all(abs(each.timestamp - time.time()) < 60 for each in got)
    decided, ordered, told = (each.document["data"] for each in got)
    assert (decided["owner_id"], decided["outcome"], decided["lead_id"]) == (
        "ana", "assigned", decision["lead_id"],
    )  # fmt: skip
    assert ordered["params"]["crm"] == {"salesforce": "005A"}
    assert told["params"]["text"] == "mara@people.example"
    assert "mara" not in got[0].body.decode()


async def test_set_owner_says_which_owner_the_crm_should_show_until_then(pushing: Workspace) -> None:
    first = await pushing.assign(external_id="L", source="ana")
    second = await moved(pushing, first["lead_id"], "ben")
    assert [each["actions"][0]["params"] for each in (first, second)] == [
        {"crm": {"salesforce": "005A"}},
        {"crm": {"salesforce": "005B"}, "expected_owner": {"salesforce": "005A"}},
    ]


async def test_target_gets_only_the_types_it_asked_for(pushing: Workspace) -> None:
    async with receiving() as one, receiving() as two:
        await target(pushing, "one", one, types=["set_owner"])
        await target(pushing, "two", two, types=["notify", "decision.made"])
        await push(pushing)
        for n in range(5):
            await pushing.assign(external_id=f"L{n}", email=f"a{n}@people.example", source="ana")
        await one.until(lambda got: len(got) == 5)
        await two.until(lambda got: len(got) == 10)
    assert {each.document["type"] for each in one.got} == {"set_owner"}
    assert {each.document["type"] for each in two.got} == {"notify", "decision.made"}


async def test_pushed_action_is_in_the_log_and_is_leased_to_nobody(pushing: Workspace) -> None:
    async with receiving() as receiver:
        await target(pushing, "crm", receiver, types=["set_owner"])
        await push(pushing, set_owner="push")
        decision = await pushing.assign(external_id="L", email="a@people.example", source="ana")
        await receiver.until(lambda got: len(got) == 1)
        log = (await pushing.get("/actions"))["items"]
        assert [(each["id"], each["state"]) for each in log] == [(decision["actions"][0]["id"], "pushed")]
        leased = await pushing.client.post("/actions/lease", json={})
        assert leased.json() == {"items": []}


async def test_pushed_action_does_not_overtake_one_that_waits_for_its_caller(pushing: Workspace) -> None:
    async with receiving() as receiver:
        await target(pushing, "crm", receiver)
        settings = {"reader": True, "deliver": {"notify": "push"}}
        assert (await pushing.client.put("/settings/actions", json=settings)).status_code == 201
        decision = await pushing.assign(external_id="L", email="a@people.example", source="ana")
        await receiver.until(lambda got: len(got) == 1)
        assert receiver.got[0].document["type"] == "decision.made"
        first, second = (each["id"] for each in decision["actions"])
        # A later decision makes both available, in their order.
        await moved(pushing, decision["lead_id"], "ben")
        await receiver.until(lambda got: second in {each.id for each in got})
        log = (await pushing.get("/actions"))["items"]
    assert [(each["id"], each["state"]) for each in log][:2] == [(first, "available"), (second, "pushed")]


async def test_acknowledged_action_is_not_sent(pushing: Workspace) -> None:
    async with receiving() as receiver:
        await target(pushing, "crm", receiver, types=["set_owner"], active=False)
        await push(pushing, set_owner="push")
        decision = await pushing.assign(external_id="L", source="ana")
        await settled(pushing, "crm", all_in("ready"))
        ack = await pushing.client.post("/actions/ack", json={"ids": [decision["actions"][0]["id"]]})
        assert ack.json()["items"][0]["state"] == "acknowledged"
        await pushing.client.patch("/targets/crm", json={"active": True})
        await settled(pushing, "crm", all_in("withdrawn"))
    assert receiver.got == []


async def test_way_without_a_target_is_refused_and_what_no_target_takes_is_listed(pushing: Workspace) -> None:
    refused = await pushing.client.put("/settings/actions", json={"deliver": {"set_owner": "push"}})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "no_target"
    async with receiving() as receiver:
        await target(pushing, "crm", receiver)
        await push(pushing, set_owner="push")
        assert (await pushing.client.delete("/targets/crm")).status_code == 204
        decision = await pushing.assign(external_id="L", source="ana")
        id_ = decision["actions"][0]["id"]
        until = time.monotonic() + PATIENCE
        while not (dead := (await pushing.get("/actions?state=dead"))["items"]):
            assert time.monotonic() < until
            await asyncio.sleep(0.02)
        assert [each["id"] for each in dead] == [id_]
        await target(pushing, "other", receiver)
        again = await pushing.client.post("/actions/resend", json={"ids": [id_]})
        assert again.json()["items"][0]["state"] == "pushed"
        await receiver.until(lambda got: id_ in {each.id for each in got})


async def test_permanent_failure_is_dead_at_once_and_the_next_of_its_lead_is_marked(
    pushing: Workspace,
) -> None:
    poisoned: set[str] = set()

    def answer(received: Received) -> Answer:
        lead = received.document["data"]["lead_id"]
        return (400, b"") if lead in poisoned and received.document["type"] == "set_owner" else OK

    async with receiving(answer) as receiver:
        await target(pushing, "t", receiver, types=["set_owner", "notify"], active=False)
        await push(pushing)
        bad = await pushing.assign(external_id="L", email="l@people.example", source="ana")
        poisoned.add(bad["lead_id"])
        await pushing.assign(external_id="M", email="m@people.example", source="ana")
        await settled(pushing, "t", lambda found: len(found) == 4)
        await pushing.client.patch("/targets/t", json={"active": True})
        await settled(pushing, "t", all_in("dead", "delivered"))
        (dead,) = await deliveries(pushing, "t", "dead")
        of_bad = [each for each in receiver.got if each.document["data"]["lead_id"] == bad["lead_id"]]
    assert (dead["id"], dead["status"], dead["code"], dead["attempts"]) == (
        bad["actions"][0]["id"], 400, "refused", 1,
    )  # fmt: skip
    assert [each.document.get("previous_failed") for each in of_bad] == [None, True]
    assert sum("previous_failed" in each.document for each in receiver.got) == 1
    assert (await pushing.get("/targets/t"))["breaker"]["state"] == "closed"


async def test_target_that_hangs_holds_up_nobody_and_its_breaker_opens(pushing: Workspace) -> None:
    pushing.app.state.target_http.timeout_seconds = 0.3
    async with receiving(lambda _: None) as hanging, receiving() as healthy:
        await target(pushing, "t", hanging, types=["set_owner"], max_parallel=2)
        await target(pushing, "u", healthy, types=["set_owner"])
        await push(pushing)
        leads = 60
        for n in range(leads):
            await pushing.assign(external_id=f"L{n}", source="ana")
        await healthy.until(lambda got: len(got) == leads)
        await settled(pushing, "u", all_in("delivered"))
        until = time.monotonic() + PATIENCE
        while (shown := await pushing.get("/targets/t"))["breaker"]["state"] != "open":
            assert time.monotonic() < until
            await asyncio.sleep(0.02)
        failed = [each for each in await deliveries(pushing, "t") if each["code"]]
        assert shown["breaker"]["failures"] >= MAX_FAILURES
        assert hanging.most_calls <= 2
        assert {(each["state"], each["code"]) for each in failed} == {("ready", "timeout")}
        assert len(failed) <= MAX_FAILURES + 1
        metrics = (await pushing.client.get("/metrics")).text
        assert sample(metrics, "lead_assignment_target_open", target="t") == 1
        waiting = sample(metrics, "lead_assignment_target_messages", target="t", state="undelivered")
        assert waiting == leads
        assert str(hanging.port) not in metrics
        # One message shows that it answers again, and then the others follow. A call that still hangs would
        # fail after the pause is cut short, and begin a longer one.
        await settled(pushing, "t", all_in("ready"))
        hanging.answer = lambda _: OK
        await pushing.fetch(HALF_OPEN)
        await pushing.fetch(DUE_NOW)
        await settled(pushing, "t", all_in("delivered"))
        assert (await pushing.get("/targets/t"))["breaker"]["state"] == "closed"


async def test_each_attempt_has_the_same_id_and_its_own_time_and_secrets(pushing: Workspace) -> None:
    answers = iter([(429, b"Retry-After: 77\r\n")])
    async with receiving(lambda _: next(answers, OK)) as receiver:
        old = await target(pushing, "t", receiver, types=["set_owner"])
        await push(pushing)
        await pushing.assign(external_id="L", source="ana")
        (first,) = await receiver.until(lambda got: len(got) == 1)
        (waiting,) = await settled(pushing, "t", lambda found: found[0]["status"] == 429)
        pause = datetime.fromisoformat(waiting["next_at"]).timestamp() - first.timestamp
        assert 70 < pause < 120
        added = await pushing.client.post("/targets/t/secrets", json={})
        await next_second(first.timestamp)
        await pushing.fetch(DUE_NOW)
        _, second = await receiver.until(lambda got: len(got) == 2)
        await settled(pushing, "t", all_in("delivered"))
    assert first.id == second.id
    assert first.body == second.body
    assert second.timestamp > first.timestamp
    secrets = old["secret"], added.json()["secret"]
    assert [first.signed_with(each) for each in secrets] == [True, False]
    assert [second.signed_with(each) for each in secrets] == [True, True]


async def test_message_that_fails_for_a_day_is_dead(pushing: Workspace) -> None:
    async with receiving(lambda _: (503, b"")) as receiver:
        await target(pushing, "t", receiver, types=["set_owner"])
        await push(pushing)
        await pushing.assign(external_id="L", source="ana")
        await settled(pushing, "t", lambda found: found != [] and found[0]["status"] == 503)
        await pushing.fetch(LAST_TRY)
        await pushing.fetch(DUE_NOW)
        (dead,) = await settled(pushing, "t", all_in("dead"))
    assert (dead["attempts"], dead["status"], dead["code"], dead["next_at"]) == (11, 503, "unavailable", None)


async def dead_letters(
    pushing: Workspace, receiver: Receiver, leads: Sequence[tuple[str, Sequence[str]]]
) -> Any:
    """Leads with owners one after another, whose messages the receiver refuses: by lead, their messages."""
    receiver.answer = lambda _: (400, b"")
    await target(pushing, "t", receiver, types=["set_owner"])
    await push(pushing)
    made: dict[str, list[str]] = {}
    for name, owners in leads:
        decision = await pushing.assign(external_id=name, source=owners[0])
        made[name] = [decision["actions"][0]["id"]]
        for owner in owners[1:]:
            made[name].append((await moved(pushing, decision["lead_id"], owner))["actions"][0]["id"])
    count = sum(map(len, made.values()))
    await settled(pushing, "t", lambda found: len(found) == count and all_in("dead")(found))
    receiver.got.clear()
    return made


async def test_dead_message_that_a_later_one_replaced_stays_dead(pushing: Workspace) -> None:
    others = [(f"O{n}", ["ana"]) for n in range(47)]
    async with receiving() as receiver:
        made = await dead_letters(
            pushing, receiver, [("L", ["ana"]), ("three", ["ana", "ben", "ana"]), *others]
        )
        receiver.answer = lambda _: OK
        first_dead = await deliveries(pushing, "t", "dead")
        lead = next(each["lead_id"] for each in first_dead if each["id"] in made["L"])
        await moved(pushing, lead, "ben")
        await receiver.until(lambda got: len(got) == 1)
        dead = [each["id"] for each in await deliveries(pushing, "t", "dead")]
        outcomes = dict(zip(dead, await resend(pushing, "t", dead), strict=True))
        assert outcomes.pop(made["L"][0]) == "delivery_superseded"
        assert set(outcomes.values()) == {200}
        await receiver.until(lambda got: len(got) == 1 + len(outcomes))
        await settled(pushing, "t", all_in("dead", "delivered"))
        assert [each["id"] for each in await deliveries(pushing, "t", "dead")] == made["L"]
        assert [each for each in receiver.ids if each in made["three"]] == made["three"]
        assert Counter(receiver.ids).most_common(1)[0][1] == 1


async def test_new_failure_returns_a_message_to_the_dead(pushing: Workspace) -> None:
    async with receiving() as receiver:
        made = await dead_letters(pushing, receiver, [("L", ["ana"])])
        receiver.answer = lambda _: (503, b"")
        assert await resend(pushing, "t", made["L"]) == [200]
        await receiver.until(lambda got: len(got) == 1)
        await settled(pushing, "t", all_in("dead"))
        assert receiver.ids == made["L"]


async def test_what_is_not_dead_is_not_sent_twice(pushing: Workspace) -> None:
    async with receiving(lambda _: (503, b"")) as receiver:
        await target(pushing, "t", receiver, types=["set_owner"])
        await push(pushing)
        decision = await pushing.assign(external_id="L", source="ana")
        await settled(pushing, "t", lambda found: found != [] and found[0]["status"] == 503)
        id_ = decision["actions"][0]["id"]
        assert await resend(pushing, "t", [id_, "nobody.1"]) == ["delivery_not_dead", "not_found"]
        receiver.answer = lambda _: OK
        await pushing.fetch(DUE_NOW)
        await settled(pushing, "t", all_in("delivered"))
        assert await resend(pushing, "t", [id_]) == ["delivery_not_dead"]
    assert receiver.ids == [id_, id_]


async def test_old_messages_expire_and_those_after_them_go_on(pushing: Workspace) -> None:
    async with receiving() as receiver:
        await target(pushing, "t", receiver, types=["set_owner"], active=False)
        await push(pushing)
        decision = await pushing.assign(external_id="L", source="ana")
        await moved(pushing, decision["lead_id"], "ben")
        first, second = await settled(pushing, "t", lambda found: len(found) == 2)
        old = "UPDATE target_messages SET created_at = now() - interval '14 days' WHERE id = $2"
        await pushing.fetch(f"{old} AND workspace_id = $1", first["id"])
        # The target takes nothing now, so no worker leases what is about to expire.
        assert await feed.expire(pushing.pool, pushing.workspace_id) is False
        states = {each["id"]: each["state"] for each in await deliveries(pushing, "t")}
        assert (states[first["id"]], states[second["id"]]) == ("expired", "ready")


async def test_hidden_fields_of_a_lead_that_waits_are_not_sent(pushing: Workspace) -> None:
    async with receiving() as receiver:
        await target(pushing, "t", receiver)
        await push(pushing)
        await pushing.assign(external_id="L", email="canary@people.example", source="desk")
        await receiver.until(lambda got: len(got) >= 1)
        await settled(pushing, "t", all_in("delivered"))
        assert "canary" not in b"".join(each.body for each in receiver.got).decode()


async def test_erasure_withdraws_what_was_not_sent_and_tells_targets_that_had_data(
    pushing: Workspace,
) -> None:
    async with receiving() as had, receiving() as had_not:
        await target(pushing, "had", had, types=["set_owner"])
        await target(pushing, "had-not", had_not, types=["set_owner"], active=False)
        await push(pushing)
        decision = await pushing.assign(external_id="L", source="ana")
        await settled(pushing, "had", all_in("delivered"))
        await settled(pushing, "had-not", all_in("ready"))
        erased = await pushing.client.delete(f"/leads/{decision['lead_id']}")
        assert erased.status_code == 200, erased.text
        assert {"kind": "target", "id": "had"} in erased.json()["recipients"]
        await had.until(lambda got: len(got) == 2)
        document = had.got[-1].document
        assert document["type"] == "erase"
        assert document["data"] == {"lead_id": decision["lead_id"]}
        assert [each["state"] for each in await deliveries(pushing, "had-not")] == ["withdrawn"]


async def test_secret_is_shown_once_and_stored_encrypted(pushing: Workspace) -> None:
    async with receiving() as receiver:
        made = await target(pushing, "t", receiver)
        (stored,) = await pushing.fetch(SEALED)
        assert made["secret"].startswith("whsec_")
        assert made["secret"].removeprefix("whsec_") not in stored["sealed"]
        shown = await pushing.client.get("/targets/t")
        assert "secret" not in shown.json()
        assert shown.headers["etag"] == '"1"'
        again = await pushing.client.put("/targets/t", json={"url": receiver.url, "active": False})
        assert (again.status_code, again.json()["revision"]) == (200, 2)
        assert again.json()["secrets"] == made["secrets"]
        stale = await pushing.client.patch("/targets/t", json={"active": True}, headers={"If-Match": '"1"'})
        assert stale.status_code == 412
        given = "whsec_" + "QUJD" * 8
        refused = await pushing.client.put("/targets/t", json={"url": receiver.url, "secret": given})
        assert refused.json()["errors"][0]["path"] == "secret"
        added = await pushing.client.post("/targets/t/secrets", json={"secret": given})
        assert "secret" not in added.json()
        assert len(added.json()["secrets"]) == 2
        repeated = await pushing.client.post("/targets/t/secrets", json={"secret": given})
        assert repeated.json() == added.json()
        third = (await pushing.client.post("/targets/t/secrets")).json()
        assert [each["id"] for each in third["secrets"]][1:] == [added.json()["secrets"][0]["id"]]
        assert "secret" in third
        url = f"/targets/t/secrets/{third['secrets'][1]['id']}"
        assert (await pushing.client.delete(url)).status_code == 204
        assert (await pushing.client.delete(url)).status_code == 404
        last = f"/targets/t/secrets/{third['secrets'][0]['id']}"
        assert (await pushing.client.delete(last)).json()["code"] == "last_secret"
        assert [each["id"] for each in (await pushing.get("/targets"))["items"]] == ["t"]
        assert (await pushing.client.delete("/targets/t")).status_code == 204
        assert (await pushing.client.get("/targets/t")).status_code == 404


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"url": "https://10.0.0.1/"}, "url", "address_not_allowed"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "url", "address_not_allowed"),
        ({"url": "http://hooks.example.com/"}, "url", "scheme_not_allowed"),
        ({"url": "https://u:p@hooks.example.com/"}, "url", "userinfo_not_allowed"),
        ({"url": "https://hooks.example.com:22/"}, "url", "port_not_allowed"),
        ({"url": ""}, "url", "too_short"),
        ({}, "url", "required"),
        ({"url": "https://8.8.8.8/", "types": []}, "types", "too_few_items"),
        ({"url": "https://8.8.8.8/", "types": ["set_owners"]}, "types", "not_allowed"),
        ({"url": "https://8.8.8.8/", "max_parallel": 0}, "max_parallel", "out_of_range"),
        ({"url": "https://8.8.8.8/", "secret": "short"}, "secret", "invalid_format"),
        ({"url": "https://8.8.8.8/", "secret": "whsec_QUJD"}, "secret", "invalid_format"),
        ({"url": "https://8.8.8.8/", "color": "red"}, "color", "unknown_field"),
    ],
)
async def test_wrong_target_is_refused_with_the_path_of_its_fault(
    pushing: Workspace, body: dict[str, Any], path: str, code: str
) -> None:
    answer = await pushing.client.put("/targets/t", json=body)
    assert answer.status_code == 422
    assert [(each["path"], each["code"]) for each in answer.json()["errors"]] == [(path, code)]
    for value in body.values():
        assert str(value) in ("", "0", "[]") or str(value) not in answer.text


async def test_only_an_admin_sees_targets(pushing: Workspace) -> None:
    key = await pushing.issue_key("ops", "directory:write", "leads:read")
    async with pushing.caller(key) as client:
        assert (await client.get("/targets")).status_code == 403
