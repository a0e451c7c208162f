"""Operations: failures that run again, what is sent again, jobs that are stopped, and who may do it."""

import re

import httpx2

from tests.console.pair import SAME_ORIGIN, Pair, open_pair
from tests.support.workspace import Filled

ENDPOINT = "/console/operations/endpoints/website"
TARGET = "/console/operations/targets/crm-writer"
ACTIONS = "/console/operations/actions"
JOBS = "/console/operations/jobs"


async def test_actions_of_operators_do_what_the_api_does_and_say_what_came_of_it(filled: Filled) -> None:
    async with open_pair(filled) as pair:
        await _failures_run_again(pair)
        await _dead_ones_are_sent_again(pair)
        await _job_is_stopped(pair)


async def _failures_run_again(pair: Pair) -> None:
    await pair.workspace.client.patch("/endpoints/website", json={"active": False})
    page = (await (await pair.as_("admin")).get(ENDPOINT)).text
    ids = re.findall(r'name="failure_id" value="([^"]+)"', page)
    assert (len(ids), "3 failures" in page, "The endpoint was not active" in page) == (3, True, True)
    assert (await pair.post("operator", f"{ENDPOINT}/retry")).status_code == 403
    assert (await _sent(pair, f"{ENDPOINT}/retry", failure_id="x")).status_code == 422
    first, second = [await _sent(pair, f"{ENDPOINT}/retry", failure_id=ids[0]) for _ in range(2)]
    assert ("The failure will be run again." in first.text, "2 failures" in first.text) == (True, True)
    assert "run again already" in second.text
    every = await _sent(pair, f"{ENDPOINT}/retry")
    assert ("2 failures will be run again." in every.text, "Nothing failed." in every.text) == (True, True)
    plain = await pair.post("admin", f"{ENDPOINT}/retry")
    assert (plain.status_code, plain.headers["location"]) == (303, ENDPOINT)
    assert (
        await pair.post("admin", "/console/operations/endpoints/none/retry", failure_id=ids[0])
    ).status_code == 404


async def _dead_ones_are_sent_again(pair: Pair) -> None:
    assert (await _sent(pair, f"{TARGET}/resend")).status_code == 422
    first, second = [await _sent(pair, f"{TARGET}/resend", id="message-1") for _ in range(2)]
    assert ("1 message is sent again." in first.text, "No message is dead." in first.text) == (True, True)
    assert "0 messages are sent again. 1 not: the message is not dead." in second.text
    states = [each["state"] for each in (await pair.workspace.get("/targets/crm-writer/deliveries"))["items"]]
    assert states == ["ready"]
    page = (await (await pair.as_("admin")).get(ACTIONS)).text
    assert re.findall(r'name="shown" value="([^"]+)"', page) == ["dead-1", "dead-2"]
    assert (await pair.post("reader", f"{ACTIONS}/resend", id="dead-1")).status_code == 403
    both = await _sent(pair, f"{ACTIONS}/resend", all="yes", shown="dead-1")
    assert ("1 action is sent again." in both.text, 'value="dead-2"' in both.text) == (True, True)


async def _job_is_stopped(pair: Pair) -> None:
    path = f"{JOBS}/{pair.ids['job']}"
    assert (await pair.post("reader", f"{path}/cancel")).status_code == 403
    for _ in range(2):
        stopped = await _sent(pair, f"{path}/cancel")
        assert ("canceled" in stopped.text, "Stop the job" in stopped.text) == (True, False)
    listed = (await pair.workspace.get("/jobs"))["items"]
    assert [(each["job_id"], each["state"], each["left"]) for each in listed] == [
        (pair.ids["job"], "canceled", None)
    ]
    assert (await pair.post("admin", f"{JOBS}/{'0' * 8}-0000-7000-8000-{'0' * 12}/cancel")).status_code == 404


async def test_leads_of_a_job_are_named_for_those_who_may_see_them(pair: Pair) -> None:
    path = f"{JOBS}/{pair.ids['job']}"
    read, sent = [(await (await pair.as_(role)).get(path)).text for role in ("reader", "sender")]
    assert ("&lt;img src=x" in read, "&lt;img src=x" in sent) == (True, False)
    lead = (await pair.workspace.get(f"/jobs/{pair.ids['job']}"))["items"][0]["lead_id"]
    assert (f'href="/console/leads/{lead}"' in read, lead in sent) == (True, True)


async def _sent(pair: Pair, path: str, **fields: str) -> httpx2.Response:
    """What a script gets that sends a form of the admin."""
    client = await pair.as_("admin")
    headers = {**SAME_ORIGIN, "HX-Request": "true"}
    return await client.post(path, data={"csrf": await pair.csrf("admin"), **fields}, headers=headers)


async def test_jobs_are_listed_page_by_page_newest_first(pair: Pair) -> None:
    first = await pair.workspace.get("/jobs?limit=1")
    (job,) = first["items"]
    assert (job["job_id"], job["kind"], job["state"], job["left"]) == (
        pair.ids["job"],
        "reassign",
        "running",
        job["total"],
    )
    assert first["next"] is None
    assert (await pair.workspace.get(f"/jobs?after={job['job_id']}"))["items"] == []
