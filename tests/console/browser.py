"""A page in a real browser, and what it must never do."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.console.pair import Pair

CHROMIUM = "/usr/bin/chromium"
VENDOR = Path(__file__).parent / "vendor"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
GRAVE = ("serious", "critical")
WATCH = """
addEventListener("securitypolicyviolation",
  (event) => console.error("CSP", event.violatedDirective, event.blockedURI));
"""
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
FAULTS_ON_A_PHONE = """() => {
  const found = [];
  const shown = (each) => each.getClientRects().length && !each.closest(".visually-hidden, .skip");
  const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);
  const name = (each) => `${each.tagName.toLowerCase()}#${each.id} ${each.textContent.trim().slice(0, 24)}`;
  const note = (what, list) => found.push(...list.map((each) => `${what}: ${name(each)}`));
  const box = (each) => (each.closest("label.check") ?? each).getBoundingClientRect();
  note("smaller than 24 px", all("button, .button, summary, input, select, textarea, nav a")
    .filter((each) => Math.min(box(each).width, box(each).height) < 24));
  note("without a label", all("input, select, textarea")
    .filter((each) => !each.labels?.length && !each.getAttribute("aria-label")));
  note("live, but no summary", [...document.querySelectorAll("[aria-live]:not(#announcer)")]);
  note("live, and focus would be lost", all("[data-live] :is(a, button, summary, input, select, textarea)")
    .filter((each) => !each.id));
  const has = (selector) => document.querySelector(selector) !== null;
  if (has("[data-live]") && !has("[data-pause]")) found.push("no pause");
  if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the screen");
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  const twice = ids.filter((each, at) => ids.indexOf(each) !== at);
  if (twice.length) found.push(`twice: ${twice}`);
  const levels = all("h1, h2, h3, h4").map((each) => Number(each.tagName[1]));
  if (levels.filter((each) => each === 1).length !== 1) found.push("not one h1");
  if (levels.some((each, at) => at && each > levels[at - 1] + 1)) found.push(`headings: ${levels}`);
  return found;
}"""
"""What is too small for a thumb, wider than the screen, or silent to keyboards and screen readers."""


@cache
def axe() -> str:
    """The source of axe-core."""
    return (VENDOR / "axe.min.js").read_text(encoding="utf-8")


@dataclass
class Screen:
    """A page. `expected` are parts of error lines that the test provokes, such as `409`."""

    page: Any
    address: str
    pair: Pair
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    async def sign_in(self, role: str = "admin", path: str = "/console") -> None:
        """Sign in as somebody with a role, and go to a page."""
        await self.page.goto(f"{self.address}/console/sign-in?return={path}")
        await self.page.fill("#key", self.pair.keys[role])
        await self.page.press("#key", "Enter")
        await self.page.wait_for_url(f"{self.address}{path}*")

    async def open(self, path: str) -> None:
        """Go to a page."""
        await self.page.goto(f"{self.address}{path}")

    async def settled(self) -> None:
        """Wait until the parts are there that come after the page."""
        # Not by a function: the policy of the page lets nobody evaluate one.
        await self.page.wait_for_selector("[aria-busy=true], .htmx-request", state="detached")

    async def resize(self, viewport: dict[str, int]) -> None:
        """Give the page another size, and its charts the time to follow."""
        await self.page.set_viewport_size(viewport)
        await self.page.evaluate(TWO_FRAMES)

    async def grave_faults(self) -> list[str]:
        """What axe finds that is serious or critical."""
        await self.page.evaluate(axe())
        text = await self.page.evaluate(
            "axe.run(document, {resultTypes: ['violations']}).then((each) => JSON.stringify(each.violations))"
        )
        return [
            f"{each['id']}: {each['help']}: {[node['target'] for node in each['nodes']]}"
            for each in json.loads(text)
            if each["impact"] in GRAVE
        ]

    async def faults_on_a_phone(self) -> list[str]:
        """What keyboards, screen readers and thumbs cannot use, and what is wider than the screen."""
        found: list[str] = await self.page.evaluate(FAULTS_ON_A_PHONE)
        return found

    def unexpected(self) -> list[str]:
        """The errors that the test did not provoke."""
        return [line for line in self.errors if not any(part in line for part in self.expected)]


@asynccontextmanager
async def open_screen(
    browser: Any, address: str, pair: Pair, *, viewport: dict[str, int] = DESKTOP, scheme: str = "light"
) -> AsyncIterator[Screen]:
    """A page that notes errors of scripts, violations of the policy, and requests to elsewhere."""
    context = await browser.new_context(
        viewport=viewport, color_scheme=scheme, timezone_id="America/New_York", reduced_motion="reduce"
    )
    await context.add_init_script(WATCH)
    page = await context.new_page()
    screen = Screen(page, address, pair)
    page.on("console", lambda line: screen.errors.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: screen.errors.append(str(error)))
    page.on(
        "request",
        lambda each: None if each.url.startswith((address, "data:")) else screen.elsewhere.append(each.url),
    )
    try:
        yield screen
        assert not screen.unexpected(), screen.unexpected()
        assert not screen.elsewhere, screen.elsewhere
    finally:
        await context.close()
