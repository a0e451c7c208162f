"""Pages in a real browser: signing in, live parts, charts, errors where they belong, and what axe finds."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.console.browser import DESKTOP, PHONE, Screen, open_screen
from tests.console.pair import Pair

pytestmark = pytest.mark.xdist_group("browser")  # one worker starts it for all of them
TODAY = "/console/today"
PAGES = (
    (TODAY, "admin"),
    ("/console/people", "admin"),
    ("/console/people/teams", "admin"),
    ("/console/people/teams/inbound", "admin"),
    ("/console/people/teams/inbound/members/ana", "admin"),
    ("/console/people/owners/ana", "admin"),
    ("/console/plan", "admin"),
    ("/console/plan/versions", "admin"),
    ("/console/plan/versions/1", "admin"),
    ("/console/plan/versions/1/text", "admin"),
    ("/console/plan/versions/1/changes", "admin"),
    ("/console/plan/new", "admin"),
    ("/console/plan/try", "admin"),
    ("/console/reports", "admin"),
    ("/console/reports/acceptance?group_by=owner", "admin"),
    ("/console/reports/speed-to-lead?group_by=day", "admin"),
    ("/console/reports/diagnosis", "admin"),
    ("/console/reports/audit-sample?week={this_week}&n=5", "admin"),
    ("/console/reports/audit-sample/decision?week={this_week}&n=5", "admin"),
    ("/console/leads", "admin"),
    ("/console/assignments/{assignment_of_ana}", "admin"),
    ("/console/assignments/{assignment_of_ana}/path", "admin"),
    ("/console/queues/partner-desk", "admin"),
    ("/console/my-leads", "rep"),
    ("/console/my-leads/{assignment_of_ana}", "rep"),
    ("/console/queues", "rep"),
    ("/console/leave", "rep"),
    ("/console/operations", "admin"),
    ("/console/operations/endpoints", "admin"),
    ("/console/operations/endpoints/website", "admin"),
    ("/console/operations/targets", "admin"),
    ("/console/operations/targets/crm-writer", "admin"),
    ("/console/operations/actions", "admin"),
    ("/console/operations/jobs", "admin"),
    ("/console/operations/jobs/{job}", "admin"),
)
"""Pages that axe looks at, with the role that opens them."""


@pytest.mark.parametrize(
    ("viewport", "scheme", "pages"),
    [
        pytest.param(DESKTOP, "light", PAGES[::2], id="half at a desk"),
        pytest.param(PHONE, "dark", PAGES[1::2], id="half on a phone"),
        pytest.param(DESKTOP, "light", PAGES[1::2], id="others at a desk", marks=pytest.mark.long),
        pytest.param(PHONE, "dark", PAGES[::2], id="others on a phone", marks=pytest.mark.long),
    ],
)
async def test_axe_finds_nothing_grave_and_no_page_is_wider_than_the_screen(
    browser: Any,
    address: str,
    pair: Pair,
    viewport: dict[str, int],
    scheme: str,
    pages: Sequence[tuple[str, str]],
) -> None:
    async with open_screen(browser, address, pair, viewport=viewport, scheme=scheme) as screen:
        await screen.open("/console/sign-in")
        assert await screen.grave_faults() == []
        for role in dict.fromkeys(role for _, role in pages):
            await screen.page.context.clear_cookies()
            await screen.sign_in(role, "/console/nowhere")
            for path in [path.format(**pair.ids) for path, who in pages if who == role]:
                await screen.open(path)
                await screen.settled()
                assert await screen.grave_faults() == [], path
                await screen.resize(PHONE)
                assert await screen.faults_on_a_phone() == [], path
                await screen.resize(viewport)
        screen.expected.append("404")


async def test_key_signs_in_charts_are_drawn_and_times_are_in_the_zone_of_the_browser(screen: Screen) -> None:
    await screen.sign_in(path=TODAY)
    await screen.settled()
    drawn = await screen.page.evaluate(
        "[...document.querySelectorAll('figure canvas')].map((each) => Boolean(Chart.getChart(each)))"
    )
    assert drawn == [True]  # nobody was touched, so there is no response to draw
    assert "Times are in America/New_York" in await screen.page.inner_text("footer")
    assert await screen.page.locator("#figures .as-of time").get_attribute("datetime")


async def test_live_part_shows_news_keeps_focus_and_rests_while_paused(screen: Screen) -> None:
    await screen.sign_in(path=TODAY)
    await screen.settled()
    page, waiting = screen.page, screen.page.locator("#now .figure dd").first
    before = await waiting.inner_text()
    await page.click("text=Pause updates")
    await screen.pair.workspace.assign(email="live1@near.example", source="partner")
    await page.evaluate("htmx.trigger('#now', 'refresh')")
    await page.wait_for_timeout(300)
    assert await waiting.inner_text() == before
    await page.click("text=Resume updates")
    await page.locator("#now .figure dd").first.filter(has_not_text=before).wait_for()
    assert await page.evaluate("document.activeElement.textContent") == "Pause updates"
    assert "leads wait" in await page.inner_text("#announcer")


async def test_session_that_ended_leads_to_the_sign_in_page_and_back(screen: Screen) -> None:
    await screen.sign_in(path=TODAY)
    await screen.settled()
    await screen.page.context.clear_cookies()
    await screen.page.evaluate("htmx.trigger('#now', 'refresh')")
    await screen.page.wait_for_url("**/console/sign-in?return=/console/today")
    assert await screen.page.locator("table").count() == 0
    await screen.page.fill("#key", screen.pair.keys["admin"])
    await screen.page.press("#key", "Enter")
    await screen.page.wait_for_url(f"**{TODAY}")


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (409, '<p>Elsewhere</p><div data-problem="conflict"><p>Ben was faster.</p></div>', "Ben was faster."),
        (503, "", "The service is busy."),
        (0, "", "cannot be reached"),
    ],
)
async def test_refusal_stands_at_its_control_and_nothing_keeps_spinning(
    screen: Screen, status: int, body: str, sentence: str
) -> None:
    await screen.sign_in(path=TODAY)
    await screen.settled()
    screen.expected += [str(status), "Failed to load resource", "/console/today/now", "htmx:"]

    async def answer(route: Any) -> None:
        await (route.fulfill(status=status, body=body) if status else route.abort())

    await screen.page.route("**/console/today/now", answer)
    await screen.page.evaluate("htmx.trigger('#now', 'refresh')")
    place = screen.page.locator("#now [data-error]")
    await place.wait_for(state="visible")
    assert sentence in await place.inner_text()
    assert await screen.page.locator(".htmx-request").count() == 0
    await screen.page.unroute("**/console/today/now")
    await screen.page.evaluate("htmx.trigger('#now', 'refresh')")
    await place.wait_for(state="hidden")


async def test_keyboard_reaches_the_content_first_and_then_every_control(screen: Screen) -> None:
    await screen.sign_in(path=TODAY)
    await screen.settled()
    await screen.page.keyboard.press("Tab")
    assert await screen.page.evaluate("document.activeElement.textContent") == "Skip to content"
    await screen.page.keyboard.press("Enter")
    assert await screen.page.evaluate("document.activeElement.id") == "main"
    await screen.page.keyboard.press("Tab")
    assert await screen.page.evaluate("document.activeElement.textContent") == "Pause updates"
