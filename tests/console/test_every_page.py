"""Every page for every role at the width of a small phone: what keyboards, screen readers and thumbs need."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.console.browser import PHONE, open_screen
from tests.console.pair import ROLES, Pair
from tests.console.test_in_the_browser import PAGES as SEEN_BY_AXE
from tests.console.test_matrix import PAGES

pytestmark = pytest.mark.xdist_group("browser")
FOCUS = """() => {
  const each = document.activeElement;
  const [style, after] = [getComputedStyle(each), getComputedStyle(each, "::after")];
  const drawn = (one) => one.outlineStyle !== "none" && parseFloat(one.outlineWidth) >= 2;
  const rings = drawn(style) || drawn(after);
  const bottom = document.querySelector("header.top").getBoundingClientRect().bottom;
  const top = each.getBoundingClientRect().top;
  const isLarge = each.offsetHeight > innerHeight / 2;
  const covered = !each.closest("header.top, .skip") && top < bottom - 1 && !isLarge;
  return [each.tagName === "BODY", rings, covered, each.outerHTML.slice(0, 120)];
}"""
MAX_TABS = 40


async def _whole_pages(pair: Pair) -> AsyncIterator[tuple[str, str, str]]:
    """Role, route and address of each page; of roles that see the same, the first."""
    for page in PAGES:
        path, seen = (page.path or page.route).format(**pair.ids), set()
        for role in [role for role in ROLES if role in page.opens]:
            text = (await (await pair.as_(role)).get(path)).text
            main = re.sub(r'value="[^"]*"|"X-CSRF[^}]*', "", text.partition("<main")[2])
            if text.startswith("<!doctype") and main not in seen:
                seen.add(main)
                yield role, page.route, path


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def whole_pages(pair: Pair) -> list[tuple[str, str, str]]:
    """What `_whole_pages` finds. To look at the pages of all roles takes seconds."""
    return [each async for each in _whole_pages(pair)]


async def test_axe_looks_at_every_page(pair: Pair, whole_pages: list[tuple[str, str, str]]) -> None:
    looked_at = [path.partition("?")[0].format(**pair.ids) for path, _ in SEEN_BY_AXE]
    routes = {route for _, route, _ in whole_pages}
    patterns = {route: re.sub(r"\{[^}]+\}", "[^/]+", route) for route in routes}
    missing = {
        route for route, each in patterns.items() if not any(re.fullmatch(each, one) for one in looked_at)
    }
    assert missing == set()


async def test_pages_of_all_roles_work_on_a_small_phone(
    browser: Any, address: str, pair: Pair, whole_pages: list[tuple[str, str, str]]
) -> None:
    faults = {}
    by_axe = {(role, path.format(**pair.ids)) for path, role in SEEN_BY_AXE}
    pages = [each for each in whole_pages if (each[0], each[2]) not in by_axe]
    for role in dict.fromkeys(role for role, _, _ in pages):
        async with open_screen(browser, address, pair, viewport=PHONE) as screen:
            await screen.sign_in(role, "/console/nowhere")
            screen.expected.append("404")
            for path in [path for who, _, path in pages if who == role]:
                await screen.open(path)
                await screen.settled()
                if found := await screen.faults_on_a_phone():
                    faults[role, path] = found
    assert faults == {}


@pytest.mark.parametrize("path", ["/console/today", "/console/reports/sla", "/console/operations/jobs/{job}"])
async def test_focus_is_seen_wherever_the_keyboard_goes(
    browser: Any, address: str, pair: Pair, path: str
) -> None:
    async with open_screen(browser, address, pair, viewport=PHONE) as screen:
        await screen.sign_in("admin", path.format(**pair.ids))
        await screen.settled()
        for _ in range(MAX_TABS):
            await screen.page.keyboard.press("Tab")
            ended, rings, covered, what = await screen.page.evaluate(FOCUS)
            if ended:
                break
            assert (rings, covered) == (True, False), what


async def test_action_tells_what_it_did_where_the_focus_is(browser: Any, address: str, pair: Pair) -> None:
    async with open_screen(browser, address, pair) as screen:
        await screen.sign_in("admin", "/console/operations/endpoints/website")
        page = screen.page
        await page.click("text=Run again")
        await page.locator("#failures [role=status]").wait_for()
        assert await page.evaluate("document.activeElement.textContent") == "The failure will be run again."
