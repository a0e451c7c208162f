"""The plan in the console: drafts, what they change, publishing, rolling back, and trying a lead."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio
import yaml

from tests.console.browser import Screen
from tests.console.pair import Pair, signed_in, told_by
from tests.support.factories import PLAN
from tests.support.workspace import Filled, Workspace, open_filled

PLAN_PAGE = "/console/plan"
TRY = f"{PLAN_PAGE}/try"
DRAFT = (
    PLAN.replace("name: students, when", "name: pupils, when").replace("[DE, AT]", "[DE, CH]")
    + """
tests:
  - {name: pupils are blocked, lead: {lead_type: student}, expect: {block: students}}
"""
)
WRONG = DRAFT.replace("expect: {block: students}", "expect: {queue: unrouted}")

BANDS = """
queues: {unrouted: {}}
scores: {fit: [{when: {country: DE}, points: 30}]}
pipeline:
  - score: {name: fit, model: [fit], bands: {hot: {gte: 20}, warm: {gte: 10}, cold: {}}}
  - queue: {name: unrouted}
"""


@dataclass
class Console:
    """Somebody who may do everything in a workspace of their own, in a browser without scripts."""

    workspace: Workspace
    browser: httpx2.AsyncClient

    async def read(self, path: str) -> str:
        """A page that must open."""
        answer = await self.browser.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def send(self, path: str, *, htmx: bool = False, **fields: str) -> httpx2.Response:
        """What a form answers."""
        csrf = re.search(r'name="csrf" value="([^"]+)"', await self.read(PLAN_PAGE))
        assert csrf is not None
        headers = {"HX-Request": "true"} if htmx else {}
        return await self.browser.post(path, data={"csrf": csrf[1], **fields}, headers=headers)


@pytest_asyncio.fixture
async def console(filled: Filled) -> AsyncIterator[Console]:
    """A workspace whose plan this test may change."""
    async with open_filled(filled, no_worker=True) as workspace:
        await workspace.publish(PLAN)
        browser = await signed_in(workspace.app, workspace.key)
        yield Console(workspace, browser)
        await browser.aclose()


async def test_draft_is_stored_once_compared_published_and_rolled_back(console: Console) -> None:
    active = (await console.workspace.get("/plans/active"))["version"]
    number, base = active + 1, f"{PLAN_PAGE}/versions/{active + 1}"
    key = uuid4().hex
    for _ in range(2):
        sent = await console.send(
            f"{PLAN_PAGE}/new", text=DRAFT, idempotency_key=key, comment="Swiss leads too"
        )
        assert (sent.status_code, sent.headers["location"]) == (303, base)
    assert len((await console.workspace.get("/plans"))["items"]) == number
    assert f"Version {number} is a draft: Swiss leads too" in await console.read(PLAN_PAGE)

    changes = await console.read(f"{base}/changes")
    for text in (
        "<strong>pupils</strong>", "<strong>students</strong>", "country is DE or CH", "country is DE or AT",
        "test", "-  - rule: {name: students",
    ):  # fmt: skip
        assert text in changes
    check = await console.read(f"{base}/check")
    assert ("all 1 passed" in check, "pupils are blocked" in check) == (True, True)

    published = await console.send(f"{base}/publish", htmx=True, comment="Go")
    assert published.headers["hx-redirect"] == PLAN_PAGE
    assert (await console.workspace.get("/plans/active"))["version"] == number
    log = await console.workspace.get(f"/changes?resource_type=plans&resource_id={number}")
    (change,) = [each for each in log["items"] if each["action"] == "publish"]
    assert (change["comment"], change["actor"]) == ("Go", console.workspace.key.split("_")[2])
    again = await console.send(f"{base}/publish", htmx=True)
    assert (again.status_code, told_by(again)[0]) == (409, "already_active")
    assert (await console.send(f"{PLAN_PAGE}/versions/{active}/rollback")).status_code == 303
    assert (await console.workspace.get("/plans/active"))["version"] == active


async def test_what_is_wrong_with_a_plan_is_told_at_its_form(console: Console) -> None:
    unreadable = await console.send(f"{PLAN_PAGE}/new", htmx=True, text="pipeline: [{rul: {}}]")
    assert unreadable.status_code == 422
    assert "pipeline[0]" in told_by(unreadable)[2][0][1]
    empty = await console.send(f"{PLAN_PAGE}/new", htmx=True, text=" ")
    assert told_by(empty)[2][0][0] == "text"
    page = (await console.send(f"{PLAN_PAGE}/new", text=WRONG)).headers["location"]
    assert "1 of 1 failed" in await console.read(f"{page}/check")
    refused = await console.send(f"{page}/publish", htmx=True)
    assert (refused.status_code, told_by(refused)[0]) == (422, "plan_invalid")
    assert "The test expected queue unrouted" in told_by(refused)[2][0][1]
    never = await console.send(f"{page}/rollback", htmx=True)
    assert (never.status_code, told_by(never)[0]) == (409, "never_published")


@pytest.mark.parametrize("page", [PLAN_PAGE, f"{PLAN_PAGE}/versions/1"])
async def test_page_after_the_last_step_leads_to_the_first(pair: Pair, page: str) -> None:
    answer = await (await pair.as_("admin")).get(f"{page}?after=50")
    assert answer.status_code == 200
    assert "No steps on this page." in answer.text
    assert f'href="{page}">First page</a>' in answer.text


async def test_lead_is_tried_with_two_versions_and_nothing_is_stored(console: Console) -> None:
    page = (await console.send(f"{PLAN_PAGE}/new", text=DRAFT)).headers["location"]
    version = page.rpartition("/")[2]
    lead = {"country": "Switzerland", "email": "anna@swiss.example", "version": version}
    before = await console.workspace.fetch("SELECT count(*) FROM leads WHERE workspace_id = $1")
    answer = await console.send(TRY, htmx=True, **lead, more="consent.email: yes\nproduct_interest: a, b")
    assert answer.status_code == 200, answer.text
    active, draft = answer.text.split(f"<h2>Version {version}")
    for text, where in (("Team Inbound", active), ("Team DACH", draft), ("lacks a skill", draft)):
        assert text in where
    assert await console.workspace.fetch("SELECT count(*) FROM leads WHERE workspace_id = $1") == before

    await console.send(f"{PLAN_PAGE}/new", text=WRONG)
    wrong = {**yaml.safe_load(PLAN), "paths": {"newsletter": {"accountable": {"team": "nobody"}}}}
    await console.send(f"{PLAN_PAGE}/new", text=yaml.safe_dump(wrong, sort_keys=False))
    for fields, status, path in (
        ({"version": str(int(version) + 1), "country": "DE"}, 200, None),
        ({"version": str(int(version) + 2), "country": "DE"}, 422, "paths"),
        ({"version": "999", "country": "DE"}, 404, None),
        ({"version": "2147483648", "country": "DE"}, 422, "version"),
        ({"version": "-1", "country": "DE"}, 422, "version"),
        ({"more": "nonsense"}, 422, "more"),
        ({"more": "shoe_size: 5"}, 422, "more"),
        ({"employees": "many-few"}, 200, None),
        ({}, 422, "email"),
    ):
        answer = await console.send(TRY, htmx=True, **fields)
        assert answer.status_code == status, (fields, answer.text)
        if path is not None:
            assert told_by(answer)[2][0][0].startswith(path), fields


async def test_hits_of_a_score_step_are_told_by_band_also_where_there_are_none(console: Console) -> None:
    await console.workspace.publish(BANDS)
    for number, country in enumerate(("DE", "DE", "FR")):
        await console.workspace.assign(email=f"band{number}@near.example", country=country)
    shown = await console.read(f"{PLAN_PAGE}/hits")
    told = re.findall(r"<li>band (\w+): (\d+) leads? in", shown)
    assert told == [("hot", "2"), ("warm", "0"), ("cold", "1")]
    assert 'id="bands-1"' in await console.read(PLAN_PAGE)


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("reader", f"{PLAN_PAGE}/new"),
        ("planner", f"{PLAN_PAGE}/versions/1/publish"),
        ("planner", f"{PLAN_PAGE}/versions/1/rollback"),
        ("planner", TRY),
        ("rep", TRY),
    ],
)
async def test_key_without_the_scope_changes_nothing(pair: Pair, role: str, path: str) -> None:
    assert (await pair.post(role, path, text=DRAFT, email="a@b.example")).status_code == 403


@pytest.mark.xdist_group("browser")
async def test_hits_stand_at_their_steps_and_a_file_becomes_the_text(screen: Screen) -> None:
    await screen.sign_in("admin", PLAN_PAGE)
    await screen.settled()
    page = screen.page
    assert "lead" in await page.inner_text("#hits-1")
    assert "arriving leads were decided" in await page.inner_text("#hits")
    await screen.open(f"{PLAN_PAGE}/new")
    file = {"name": "plan.yaml", "mimeType": "application/yaml", "buffer": b"pipeline: [{rul: {}}]"}
    await page.set_input_files("#plan-file", files=[file])
    await page.locator("#field-text").and_(page.locator("[name=text]")).wait_for()
    screen.expected.append("422")
    await page.click("text=Store as a draft")
    await page.locator("form [data-error]").filter(has_text="pipeline[0]").wait_for()
    assert await page.input_value("#field-text") == "pipeline: [{rul: {}}]"
    await screen.open(f"{TRY}")
    await page.fill("#field-lead_type", "student")
    await page.click("text=Try it")
    await page.locator("#tried").filter(has_text="Block students").wait_for()
    assert await screen.grave_faults() == []
