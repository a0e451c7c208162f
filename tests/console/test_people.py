"""Leads, queues and a rep's own pages: what is hidden, who gets a lead, and refusals in words."""

import re
from typing import Any

import httpx2
import pytest

from tests.console.browser import Screen
from tests.console.pair import SAME_ORIGIN, add_key, signed_in, told_by
from tests.support.workspace import Workspace

PLAN = """
queues: {desk: {claimable_by: inbound, claim: {hide: [email, last_name]}}}
reject_reasons: {wrong_number: {refund: true}}
pipeline:
  - rule: {name: partners, when: {source: partner}, then: {queue: desk}}
  - round_robin: {team: inbound}
"""
REP = ("claim", "directory:write", "events", "leads:read")
HTMX = {"HX-Request": "true"}


class Hands:
    """A browser without scripts, in which somebody is signed in."""

    def __init__(self, client: httpx2.AsyncClient, csrf: str) -> None:
        self.client, self.csrf = client, csrf

    @classmethod
    async def of(cls, workspace: Workspace, scopes: tuple[str, ...], owner: str | None) -> "Hands":
        client = await signed_in(workspace.app, await add_key(workspace, scopes, owner))
        text = (await client.get("/console/nowhere")).text
        return cls(client, text.partition('name="csrf" value="')[2].partition('"')[0])

    async def see(self, path: str) -> str:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def send(self, path: str, *, script: bool = False, **fields: str) -> httpx2.Response:
        headers = {**SAME_ORIGIN, **(HTMX if script else {})}
        return await self.client.post(path, data={"csrf": self.csrf, **fields}, headers=headers)

    async def refused(self, path: str, **fields: str) -> tuple[int, Any]:
        """The status, and the place of the first fault or else the sentence."""
        answer = await self.send(path, script=True, **fields)
        _, sentence, faults = told_by(answer)
        return answer.status_code, (faults[0][0],) if faults else sentence


async def test_queue_hides_until_one_of_two_has_claimed(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    told = await workspace.assign(
        source="partner", company="Acme", email="secret@near.example", last_name="Hidden"
    )
    lead, claim = told["lead_id"], "/console/queues/desk/claim"
    ana, ben = [await Hands.of(workspace, REP, owner) for owner in ("ana", "ben")]
    boss = await Hands.of(workspace, ("claim", "leads:read"), None)
    for each in (ana, ben, boss):
        text = await each.see("/console/queues/desk")
        assert ("Acme" in text, "secret@" in text, ">Hidden<" in text) == (True, False, False)
    assert await boss.refused(claim, lead_id=lead) == (422, ("owner_id",))
    assert await ana.refused(claim, lead_id="x") == (422, ("lead_id",))
    assert (await ana.client.post(claim, data={"lead_id": lead}, headers=SAME_ORIGIN)).status_code == 403

    taps = [await ana.send(claim, lead_id=lead, idempotency_key="tap") for _ in range(2)]
    assert [each.status_code for each in taps] == [303, 303]
    (where,) = {each.headers["location"] for each in taps}
    assert re.fullmatch(r"/console/my-leads/[0-9a-f-]{36}", where)
    status, sentence = await ben.refused(claim, lead_id=lead)
    assert (status, sentence) == (
        409,
        "Somebody else was faster: this lead left the queue. Claim another one.",
    )
    assert (await boss.refused(claim, lead_id=lead, owner_id="ben"))[1].endswith("Ana has it now.")
    assert "Somebody else was faster" in (await ben.send(claim, lead_id=lead)).text
    assert "secret@near.example" in await ana.see(where)
    assert "Acme" in await ana.see("/console/my-leads")
    assert (await ben.client.get(where)).status_code == 404
    assert (await ben.refused(claim))[1].startswith("Nothing waits in this queue")

    back = where.replace("my-leads", "assignments") + "/release"
    assert (await ben.refused(back))[0] == 404
    assert (await ana.send(back, script=True)).headers["hx-redirect"] == "/console/my-leads"
    assert (await ana.refused(back))[1].startswith("The lead has moved on at ")


async def test_claimed_lead_says_until_when_it_must_be_touched(workspace: Workspace) -> None:
    await workspace.publish(PLAN.replace("claim: {hide", "claim: {lease: 1d, hide"))
    await workspace.assign(source="partner", email="a@near.example", last_name="Berg")
    ana = await Hands.of(workspace, REP, "ana")
    where = (await ana.send("/console/queues/desk/claim")).headers["location"]
    decision = where.replace("my-leads", "assignments")
    assert "Get in touch by</span>" in await ana.see(where)
    assert "Touch, or it goes back to the queue" in await ana.see(decision)
    await ana.send(f"{where}/events", said="called")
    assert "Get in touch by</span>" not in await ana.see(where)
    assert "goes back to the queue" not in await ana.see(decision)


async def test_rep_answers_in_words_and_sets_their_own_leave(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    told = await workspace.assign(email="jane@near.example", first_name="Jane")
    owner, other = told["owner"]["id"], next(each for each in ("ana", "ben") if each != told["owner"]["id"])
    rep = await Hands.of(workspace, REP, owner)
    say = f"/console/my-leads/{told['assignment_id']}/events"
    accepted = await rep.send(say, said="accepted", script=True)
    assert ("Accepted: saved." in accepted.text, "<html" in accepted.text) == (True, False)
    assert await rep.refused(say, said="gone") == (422, ("said",))
    assert await rep.refused(say, said="rejected") == (422, ("reason",))
    assert await rep.refused(say, said="snoozed", until="soon") == (422, ("until",))
    assert (await rep.refused(say, said="rejected", reason="bored"))[0] == 422
    given = {
        "said": "rejected",
        "reason": "wrong_number",
        "note": "rings at a bakery",
        "idempotency_key": "k",
    }
    for _ in range(2):
        assert "Rejected: saved." in (await rep.send(say, script=True, **given)).text
    status, sentence = await rep.refused(say, said="accepted")
    assert (status, "Nothing was changed." in sentence, other in sentence) == (409, True, False)

    boss = await Hands.of(workspace, ("leads:read",), None)
    shown = await boss.see(f"/console/assignments/{told['assignment_id']}")
    assert [text for text in ("rings at a bakery", "wrong_number", "jane@", "Call Jane") if text in shown]
    found = await boss.send("/console/leads/find", kind="email", text="JANE@near.example")
    assert found.headers["location"] == f"/console/leads/{told['lead_id']}"
    assert (await boss.client.get(found.headers["location"])).status_code == 303
    assert "No lead was found" in (await boss.send("/console/leads/find", kind="phone", text="+491")).text
    assert await boss.refused("/console/leads/find", kind="lead_id", text="jane") == (422, ("text",))

    decision = f"/console/assignments/{told['assignment_id']}"
    assert "Reassign" not in shown
    assert (await boss.send(f"{decision}/reassign", to=owner)).status_code == 403
    await _lead_is_reassigned(workspace, other)

    leave = "/console/leave"
    assert await rep.refused(leave, first="2030-12-24", last="2030-12-23") == (422, ("last",))
    assert await rep.refused(leave, first="soon", last="2030-12-23") == (422, ("first",))
    days = {"first": "2030-12-24", "last": "2030-12-27", "idempotency_key": "leave"}
    for _ in range(2):
        saved = (await rep.send(leave, script=True, **days)).text
    assert saved.count("Tue 24 Dec 2030 to Fri 27 Dec 2030") == 1
    assert (await boss.client.get(leave)).status_code == 403
    half = {"first": "2030-12-30", "last": "2030-12-30", "last_time": "12:30", "cover_owner": other}
    covered = (await rep.send(leave, script=True, **half)).text
    assert (f"covered by {other}" in covered, "12:30" in covered) == (True, True)
    assert await rep.refused(leave, **{**half, "cover_owner": owner}) == (422, ("cover_owner",))
    for path in re.findall(r'action="(/console/leave/[^"]+/remove)"', covered)[1:]:
        await rep.send(path, script=True)
    remove = re.search(r'action="(/console/leave/[^"]+/remove)"', saved)
    assert remove is not None
    assert "No leave is planned" in (await rep.send(remove[1], script=True)).text
    async with workspace.caller(await add_key(workspace, ("directory:write",), owner)) as caller:
        body = {"from": "2030-12-24", "to": "2030-12-28"}
        tried = [await caller.post(f"/owners/{each}/absences", json=body) for each in (owner, other)]
        assert [each.status_code for each in tried] == [201, 403]
        assert (await caller.patch(f"/owners/{owner}", json={"name": "Boss"})).status_code == 403


async def test_lead_is_reassigned_to_a_team_or_a_queue_and_past_a_cap_when_asked(
    workspace: Workspace,
) -> None:
    await workspace.publish(PLAN)
    boss = await Hands.of(workspace, ("leads:read", "assign"), None)
    first = await workspace.assign(email="movable@near.example")
    owner = first["owner"]["id"]
    other = next(each for each in ("ana", "ben") if each != owner)
    page = f"/console/assignments/{first['assignment_id']}"
    shown = await boss.see(page)
    assert [each for each in ("inbound", "desk") if f'<option value="{each}">' not in shown] == []

    async def moved(page: str, **fields: str) -> tuple[str, dict[str, Any]]:
        answer = await boss.send(f"{page}/reassign", script=False, **fields)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"], await workspace.get(f"/leads/{first['lead_id']}")

    page, lead = await moved(page, queue="desk")
    assert (lead["state"], lead["assignments"][-1]["queue"]) == ("queued", "desk")
    page, lead = await moved(page, team="inbound", exclude=f"{owner}, nobody")
    assert (lead["state"], lead["owner"]["id"]) == ("assigned", other)
    answer = await workspace.client.patch(f"/owners/{owner}", json={"caps": {"open": 0}})
    assert answer.status_code == 200, answer.text
    refused = told_by(await boss.send(f"{page}/reassign", script=True, to=owner))
    assert refused[0] == "over_cap"
    ((field, text),) = refused[2]
    assert (field, "reached a cap" in text) == ("to", True)
    page, lead = await moved(page, to=owner, force="yes")
    assert lead["owner"]["id"] == owner


async def _lead_is_reassigned(workspace: Workspace, owner: str) -> None:
    boss = await Hands.of(workspace, ("leads:read", "assign"), None)
    told = await workspace.assign(email="movable@near.example")
    page = f"/console/assignments/{told['assignment_id']}"
    assert f'<option value="{owner}">' in await boss.see(page)
    assert await boss.refused(f"{page}/reassign", to="nobody") == (422, ("to",))
    assert await boss.refused(f"{page}/reassign", team="nobodys") == (422, ("team",))
    assert await boss.refused(f"{page}/reassign", queue="nowhere") == (422, ("queue",))
    assert await boss.refused(f"{page}/reassign", to=owner, exclude=owner) == (422, ("to",))
    assert await boss.refused(f"{page}/reassign", to=owner, team="nobodys") == (422, ("team",))
    given = {"to": owner, "reason": "speaks Welsh", "idempotency_key": "move"}
    (where,) = {
        (await boss.send(f"{page}/reassign", script=False, **given)).headers["location"] for _ in range(2)
    }
    shown = await boss.see(where)
    assert [text for text in ("moved by a person", "speaks Welsh") if text not in shown] == []
    status, sentence = await boss.refused(f"{page}/reassign", to=owner)
    assert (status, f"{owner} has it now" in sentence) == (409, True)
    assert 'id="reassign"' not in await boss.see(page)
    away = (await boss.send(f"{where}/reassign", without="yes")).headers["location"]
    lead = await workspace.get(f"/leads/{told['lead_id']}")
    assert lead["assignments"][-1]["assignment_id"] == away.rpartition("/")[2]
    assert lead["owner"]["id"] != owner


@pytest.mark.xdist_group("browser")
async def test_typed_note_survives_the_way_over_the_sign_in_page(screen: Screen) -> None:
    path = f"/console/my-leads/{screen.pair.ids['assignment_of_ana']}"
    await screen.sign_in("rep", path)
    await screen.page.click("#more-part summary")
    await screen.page.fill("#more-note", "rings at a bakery")
    await screen.page.context.clear_cookies()
    screen.expected.append("401")
    await screen.page.click("#more-part button")
    await screen.page.wait_for_url(f"**/console/sign-in?return={path}")
    assert await screen.page.locator("#lead").count() == 0
    await screen.page.fill("#key", screen.pair.keys["rep"])
    await screen.page.press("#key", "Enter")
    await screen.page.wait_for_url(f"**{path}")
    assert await screen.page.input_value("#more-note") == "rings at a bakery"


@pytest.mark.xdist_group("browser")
async def test_late_claim_is_told_at_its_button(screen: Screen) -> None:
    workspace = screen.pair.workspace
    told = await workspace.assign(email="late@near.example", source="partner")
    await screen.sign_in("rep", "/console/queues/partner-desk")
    claim = {"owner_id": "ben", "lead_id": told["lead_id"]}
    assert (await workspace.client.post("/queues/partner-desk/claim", json=claim)).status_code == 200
    screen.expected.append("409")
    button = screen.page.locator(f"#claim-{told['assignment_id']}")
    await button.click()
    place = screen.page.locator("article", has=button).locator("[data-error]")
    await place.wait_for(state="visible")
    assert "Somebody else was faster" in await place.inner_text()
    assert await button.is_enabled()
