"""Owners and teams in the console: who is next, the week of an owner, and edits that notice others' edits."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest
import pytest_asyncio

from tests.console.pair import Pair, signed_in, told_by
from tests.support.workspace import NOON, Filled, Workspace, open_filled

PEOPLE = "/console/people"
TEAM = f"{PEOPLE}/teams/inbound"
OWNER = f"{PEOPLE}/owners/rep1"
EVE = {"first": "2030-12-24", "last": "2030-12-24"}
PLAN = """
queues: {unrouted: {claimable_by: inbound}}
pipeline:
  - round_robin: {team: inbound, match: [language]}
  - queue: {name: unrouted}
"""


@pytest_asyncio.fixture
async def office(filled: Filled) -> AsyncIterator[tuple[Workspace, httpx2.AsyncClient]]:
    """A team of three, of which only the first speaks Polish, on a Wednesday at noon."""
    async with open_filled(filled, no_worker=True) as workspace:
        await workspace.start_at_noon()
        await workspace.put("calendars", "days", {"timezone": "UTC", "hours": "Mo-Fr 09:00-17:00"})
        await workspace.team([1, 2, 1], languages=["en"], calendar="days")
        await workspace.put("owners", "rep0", {"name": "Rep 0", "languages": ["en", "pl"]})
        await workspace.publish(PLAN)
        browser = await signed_in(workspace.app, workspace.key)
        yield workspace, browser
        await browser.aclose()


async def page_of(browser: httpx2.AsyncClient, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


async def send(browser: httpx2.AsyncClient, path: str, page: str, **fields: str) -> httpx2.Response:
    """What a form of this page answers; `revision` is that of the page."""
    hidden = {name: re.search(rf'name="{name}" value="([^"]+)"', page) for name in ("csrf", "revision")}
    data = {name: found[1] for name, found in hidden.items() if found is not None}
    return await browser.post(path, data={**data, **fields}, headers={"HX-Request": "true"})


async def test_next_is_for_a_lead_without_special_needs_and_stays_so(
    office: tuple[Workspace, httpx2.AsyncClient],
) -> None:
    workspace, browser = office
    assert (await workspace.get("/teams/inbound"))["next_owner"] == "rep1"
    assert "now:</span> <strong>Rep 1</strong>" in await page_of(browser, TEAM)
    polish = await workspace.assign(email="a@near.example", language="pl")
    excluded = await workspace.client.post(
        "/assign", json={"lead": {"email": "b@near.example", "language": "pl"}, "exclude": ["rep1"]}
    )
    assert [each["owner"]["id"] for each in (polish, excluded.json())] == ["rep0", "rep0"]
    assert "now:</span> <strong>Rep 1</strong>" in await page_of(browser, TEAM)
    assert (await workspace.assign(email="c@near.example"))["owner"]["id"] == "rep1"
    team = await workspace.get("/teams/inbound")
    ids = [each["owner"] for each in team["members"]]
    balances = [each["balance"] / 10**12 for each in team["members"]]
    page = await page_of(browser, TEAM)
    names = [(await workspace.get(f"/owners/{each}"))["name"] for each in ids]
    for owner, balance in zip(names, balances, strict=True):
        words = f"{abs(balance):.2f} {'behind' if balance > 0 else 'ahead'}" if round(balance, 2) else "even"
        assert (
            f'<th scope="row">{owner}</th><td class="number" data-value="{round(balance, 2) + 0.0}">{words}'
            in page
        )
    for absent in ids:
        await workspace.put("owners", absent, {"name": absent, "paused_until": "2100-01-01T00:00:00Z"})
    assert (await workspace.get("/teams/inbound"))["next_owner"] is None
    assert "<strong>nobody</strong>" in await page_of(browser, TEAM)


async def test_members_are_off_shift_when_the_whole_team_is(
    office: tuple[Workspace, httpx2.AsyncClient],
) -> None:
    workspace, browser = office
    assert "Nobody here is on shift now" not in await page_of(browser, TEAM)
    await workspace.put("owners", "rep0", {"name": "Rep 0", "calendar": "days"})
    await workspace.put("calendars", "days", {"timezone": "UTC", "hours": "Mo-Fr 14:00-17:00"})
    team, teams, owner = [await page_of(browser, path) for path in (TEAM, "/console/people/teams", OWNER)]
    assert "Nobody here is on shift now" in team
    for page, count in ((team, 3), (owner, 1)):
        assert page.count("off shift</span>") == count
        assert page.count("14:00</time>") >= count
    assert "all are off shift" in teams
    assert '<td data-label="Can take a lead" class="number"><span>0</span>' in teams


async def test_leave_pauses_caps_and_weights_are_set_and_the_week_shows_them(
    office: tuple[Workspace, httpx2.AsyncClient],
) -> None:
    workspace, browser = office
    day = NOON.date() + timedelta(days=1)
    page = await page_of(browser, OWNER)
    assert page.count("09:00–17:00") == 5
    leave = {
        "first": str(day),
        "last": str(day),
        "kind": "training",
        "cover_owner": "rep0",
        "idempotency_key": "k1",
    }
    for _ in range(2):
        answer = await send(browser, f"{OWNER}/leave", page, **leave)
        assert answer.headers["hx-redirect"] == OWNER, answer.text
    (absence,) = (await workspace.get("/owners/rep1/absences"))["items"]
    assert (absence["cover"], absence["open_leads"]) == ({"owner": "rep0", "team": None}, "move")
    assert "training, all day" in await page_of(browser, OWNER)
    answer = await send(browser, f"{OWNER}/leave/{absence['id']}/delete", page)
    assert "training" not in await page_of(browser, OWNER)
    half = {"first": str(day), "first_time": "13:00", "last": str(day)}
    answer = await send(browser, f"{OWNER}/leave", page, **half)
    assert answer.headers["hx-redirect"] == OWNER, answer.text
    assert "leave, 13:00–24:00" in await page_of(browser, OWNER)

    for path, fields, status in (
        ("pause", {"hours": "4"}, {"code": "paused", "available_at": "2030-11-20T16:00"}),
        ("resume", {}, {"code": None}),
        ("caps", {"caps_open": "0", "caps_per_day": "9"}, {"code": "cap_open"}),
        ("caps", {}, {"code": None}),
    ):
        answer = await send(browser, f"{OWNER}/{path}", await page_of(browser, OWNER), **fields)
        assert answer.headers.get("hx-redirect") == OWNER, answer.text
        found = await workspace.get("/owners/rep1/status")
        assert {name: str(found[name])[:16] for name in status} == {k: str(v) for k, v in status.items()}, (
            path
        )

    member = f"{TEAM}/members/rep1"
    form = {"weight": "0.5", "caps_per_week": "7", "ramp_factor": "0.5", "ramp_until": "2031-01-01"}
    answer = await send(browser, member, await page_of(browser, member), **form)
    assert answer.headers.get("hx-redirect") == TEAM, answer.text
    (changed,) = [
        each for each in (await workspace.get("/teams/inbound"))["members"] if each["owner"] == "rep1"
    ]
    assert (changed["weight"], changed["caps"]["per_week"], changed["ramp"]) == (
        0.5, 7, {"factor": 0.5, "until": "2031-01-01"},
    )  # fmt: skip


async def test_stale_edit_is_told_what_stands_now_and_faults_stand_at_their_fields(
    office: tuple[Workspace, httpx2.AsyncClient],
) -> None:
    workspace, browser = office
    member = f"{TEAM}/members/rep1"
    stale, stale_member = await page_of(browser, OWNER), await page_of(browser, member)
    first = await send(browser, f"{OWNER}/caps", stale, caps_open="12")
    again = await send(browser, f"{OWNER}/caps", stale, caps_open="12")
    assert [each.status_code for each in (first, again)] == [200, 200]
    other = await send(browser, f"{OWNER}/caps", stale, caps_open="15")
    assert (other.status_code, "Now the caps are: open 12; not paused." in told_by(other)[1]) == (409, True)
    assert (await workspace.get("/owners/rep1"))["caps"]["open"] == 12
    await workspace.client.patch("/teams/inbound/members/rep2", json={"weight": 3})
    late = await send(browser, member, stale_member, weight="1")
    assert (late.status_code, "rep1 2, rep2 3" in told_by(late)[1]) == (409, True)

    page, settings = await page_of(browser, OWNER), await page_of(browser, member)
    for path, source, fields, field in (
        (f"{OWNER}/caps", page, {"caps_open": "many"}, "caps_open"),
        (f"{OWNER}/pause", page, {"hours": "5000"}, "hours"),
        (f"{OWNER}/leave", page, {"first": "soon", "last": "2030-12-24"}, "first"),
        (f"{OWNER}/leave", page, {"first": "2030-12-24", "last": "2030-12-23"}, "last"),
        (f"{OWNER}/leave", page, {"first": "2030-12-24", "last": "9999-12-31"}, "last"),
        (f"{OWNER}/leave", page, {**EVE, "first_time": "noon"}, "first_time"),
        (f"{OWNER}/leave", page, {**EVE, "first_time": "12:00", "last_time": "12:00"}, "last_time"),
        (f"{OWNER}/deactivate", page, {"open_leads": "burn"}, "open_leads"),
        (f"{OWNER}/leave", page, {**EVE, "cover_owner": "who"}, "cover_owner"),
        (f"{OWNER}/leave", page, {**EVE, "cover_owner": "a", "cover_team": "b"}, "cover_team"),
        (member, settings, {"weight": "-1"}, "weight"),
        (member, settings, {"weight": "1", "ramp_factor": "0.5"}, "ramp_until"),
    ):  # fmt: skip
        answer = await send(browser, path, source, **fields)
        assert answer.status_code == 422, (fields, answer.text)
        assert told_by(answer)[2][0][0] == field, fields
    assert (await send(browser, f"{PEOPLE}/owners/nobody/resume", page)).status_code == 404


async def test_owner_who_leaves_gets_no_more_leads_and_theirs_are_routed_again(
    office: tuple[Workspace, httpx2.AsyncClient],
) -> None:
    workspace, browser = office
    told = await workspace.assign(email="a@near.example")
    assert told["owner"]["id"] == "rep1"
    counted = await page_of(browser, f"{PEOPLE}/owners/rep0/passed-over")
    assert "they got 0 leads" in counted
    assert 'Could take it, another was next</th><td class="number">1' in counted
    left = await send(browser, f"{OWNER}/deactivate", await page_of(browser, OWNER), open_leads="move")
    job = (await workspace.get("/jobs"))["items"][0]
    assert (left.headers.get("hx-redirect"), job["kind"], job["total"]) == (
        f"/console/operations/jobs/{job['job_id']}", "deactivate", 1,
    ), left.text  # fmt: skip
    page = await page_of(browser, OWNER)
    assert 'href="/console/people/teams/inbound">Team Inbound</a>, as a member' in page
    again = await send(browser, f"{OWNER}/activate", page)
    assert again.headers.get("hx-redirect") == OWNER, again.text
    stays = await send(browser, f"{OWNER}/deactivate", await page_of(browser, OWNER), open_leads="stay")
    assert (stays.headers.get("hx-redirect"), len((await workspace.get("/jobs"))["items"])) == (OWNER, 1)


@pytest.mark.parametrize("role", ["reader", "operator", "rep"])
async def test_edits_need_the_scope_of_the_api(pair: Pair, role: str) -> None:
    for path in ("owners/ana/caps", "owners/ana/deactivate", "owners/ana/leave", "teams/inbound/members/ana"):
        answer = await pair.post(role, f"{PEOPLE}/{path}", revision="1", weight="1", hours="1")
        assert answer.status_code == 403, path
