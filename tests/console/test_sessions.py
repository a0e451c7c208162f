"""Signing in and out of the console, what a session is good for, and when it ends."""

import hashlib
import re

import httpx2
import pytest

from app.console.sessions import COOKIE
from app.keys import DEVELOPMENT_KEY
from app.store import api_keys
from tests.console.pair import Pair, browser_of, signed_in
from tests.support.workspace import Filled, open_filled, running_app

TODAY = "/console/today"
SIGN_IN = "/console/sign-in"
ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
]


async def test_session_lives_in_a_cookie_that_scripts_and_other_sites_cannot_use(pair: Pair) -> None:
    browser = browser_of(pair.app)
    answer = await browser.post(SIGN_IN, data={"key": pair.keys["admin"], "return": TODAY})
    assert (answer.status_code, answer.headers["location"]) == (303, TODAY)
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/console", "Max-Age=28800"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    https = await browser.post(
        SIGN_IN, data={"key": pair.keys["admin"]}, headers={"X-Forwarded-Proto": "https"}
    )
    assert "Secure" in https.headers["set-cookie"].split("; ")
    token = browser.cookies[COOKIE]
    rows = await pair.workspace.fetch("SELECT token_hash FROM console_sessions WHERE workspace_id = $1")
    assert hashlib.sha256(token.partition(".")[2].encode()).digest() in {row["token_hash"] for row in rows}


async def test_whoever_is_not_signed_in_gets_there_and_back(pair: Pair) -> None:
    browser = browser_of(pair.app)
    answer = await browser.get(TODAY)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{SIGN_IN}?return=/console/today")
    part = await browser.get(
        f"{TODAY}/now",
        headers={"HX-Request": "true", "HX-Current-URL": f"http://service.example{TODAY}?week=2030-W01"},
    )
    assert (part.status_code, part.text) == (204, "")  # browsers write a 401 to their list of errors
    tapped = await browser.post("/console/queues/desk/claim", headers={"HX-Request": "true"})
    assert (tapped.status_code, tapped.headers["hx-redirect"]) == (401, SIGN_IN)
    assert part.headers["hx-redirect"] == f"{SIGN_IN}?return=/console/today%3Fweek%3D2030-W01"
    for back in (
        "https://far.example/",
        "//far.example",
        "/assign",
        "/console/../assign",
        "/console\\x",
        "/console//x",
    ):
        answer = await browser.post(SIGN_IN, data={"key": pair.keys["admin"], "return": back})
        assert answer.headers["location"] == "/console", back


@pytest.mark.parametrize(
    ("key", "status", "sentence"),
    [
        ("", 422, "Enter an API key."),
        ("la_test_x", 401, "This key is unknown or revoked."),
        ("x" * 5000, 422, "This is not an API key."),
        (DEVELOPMENT_KEY, 401, "This key is unknown or revoked."),
    ],
)
async def test_wrong_key_is_told_at_its_field(pair: Pair, key: str, status: int, sentence: str) -> None:
    answer = await browser_of(pair.app).post(SIGN_IN, data={"key": key})
    assert answer.status_code == status
    assert sentence in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "set-cookie" not in answer.headers
    assert not key or key not in answer.text


async def test_too_many_wrong_keys_are_refused_but_never_a_right_one(filled: Filled) -> None:
    async with open_filled(filled) as workspace:
        browser = browser_of(workspace.app)
        answers = [await browser.post(SIGN_IN, data={"key": "la_test_x"}) for _ in range(31)]
        assert [each.status_code for each in answers] == [401] * 30 + [429]
        assert "Try again in" in answers[-1].text
        assert int(answers[-1].headers["retry-after"]) > 0
        assert (await browser.post(SIGN_IN, data={"key": workspace.key})).status_code == 303


async def test_session_ends_with_its_key_by_signing_out_and_by_its_hours(filled: Filled) -> None:
    async with open_filled(filled, no_worker=True) as workspace:
        pool = workspace.pool

        async def status(browser: httpx2.AsyncClient) -> int:
            # Another process, or the same one after some seconds.
            sessions, keys = workspace.app.state.console_sessions, workspace.app.state.authentication
            sessions._found._known.clear()
            keys._keys._known.clear()
            return (await browser.get(TODAY)).status_code

        by_key, by_hand, by_hours = [await signed_in(workspace.app, workspace.key) for _ in range(3)]
        assert [await status(each) for each in (by_key, by_hand, by_hours)] == [200, 200, 200]
        cookie = by_hand.cookies[COOKIE]
        assert (await by_hand.post("/console/sign-out", data={})).headers["location"] == SIGN_IN
        by_hand.cookies.set(COOKIE, cookie, domain="service.example", path="/console")
        assert (await by_hand.get(TODAY)).status_code == 303
        # Forty days are left of a session that was made while the clock of the database was so far ahead.
        for ends in ("now()", "now() + interval '40 days'"):
            await pool.execute(
                f"UPDATE console_sessions SET ends_at = {ends} WHERE token_hash = $1",
                hashlib.sha256(by_hours.cookies[COOKIE].partition(".")[2].encode()).digest(),
            )
            assert [await status(each) for each in (by_key, by_hours)] == [200, 303]
        async with pool.acquire() as connection:
            await api_keys.revoke_key(connection, workspace.key.split("_")[2])
        assert await status(by_key) == 303


async def test_token_of_another_workspace_or_a_made_up_one_opens_nothing(pair: Pair) -> None:
    own = (await pair.as_("admin")).cookies[COOKIE].partition(".")
    foreign = f"{pair.other.workspace_id}.{own[2]}"
    for text in (foreign, "1." + "A" * 43, "1.", "x", "0." + own[2], own[2], "9" * 30 + "." + own[2]):
        answer = await browser_of(pair.app).get(TODAY, headers={"Cookie": f"{COOKIE}={text}"})
        assert answer.status_code == 303, text


@pytest.mark.parametrize("headers", ELSEWHERE, ids=lambda headers: headers["Sec-Fetch-Site"])
async def test_forms_of_other_sites_are_refused(pair: Pair, headers: dict[str, str]) -> None:
    browser = await pair.as_("admin")
    csrf = await pair.csrf("admin")
    for path in ("/console/sign-out", SIGN_IN):
        answer = await browser.post(path, data={"csrf": csrf, "key": pair.keys["admin"]}, headers=headers)
        assert answer.status_code == 403, path
        assert "does not come from a page of the console" in answer.text


async def test_origin_counts_where_a_browser_does_not_say_the_site(pair: Pair) -> None:
    browser = browser_of(pair.app)
    del browser.headers["Sec-Fetch-Site"]
    statuses = {}
    for origin in ("http://service.example", "https://far.example", "null", None):
        headers = {"Origin": origin} if origin else {}
        answer = await browser.post(SIGN_IN, data={"key": pair.keys["admin"]}, headers=headers)
        statuses[origin] = answer.status_code
    assert statuses == {"http://service.example": 303, "https://far.example": 403, "null": 403, None: 403}


async def test_key_of_development_signs_in_with_one_click_on_this_machine_only(filled: Filled) -> None:
    async with running_app(
        filled.dsn, env="development", development_workspace="workspace", no_worker=True
    ) as app:
        local = httpx2.ASGITransport(app=app, client=("127.0.0.1", 4321))
        async with httpx2.AsyncClient(transport=local, base_url="http://127.0.0.1") as browser:
            browser.headers["Sec-Fetch-Site"] = "same-origin"
            assert "Sign in with the development key" in (await browser.get(SIGN_IN)).text
            assert (await browser.post(f"{SIGN_IN}/development", data={})).status_code == 303
            assert (await browser.get(TODAY)).status_code == 200
            # A page from elsewhere whose name leads here, and a proxy.
            for headers in ({"Host": "far.example"}, {"X-Forwarded-For": "203.0.113.9"}):
                assert "development key" not in (await browser.get(SIGN_IN, headers=headers)).text
                answer = await browser.post(f"{SIGN_IN}/development", data={}, headers=headers)
                assert answer.status_code == 403
                assert (await browser.get(TODAY, headers=headers)).status_code == 303


async def test_answers_of_the_console_load_nothing_from_elsewhere_and_run_no_script_of_a_page(
    pair: Pair,
) -> None:
    browser = await pair.as_("admin")
    for path in (TODAY, "/console/nowhere", f"{TODAY}/now"):
        answer = await browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert {
            "default-src 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        } <= set(policy.split("; "))
        assert answer.headers["referrer-policy"] == "same-origin"
        assert re.findall(r"<script(?![^>]* src=)|<style|\son[a-z]+=|\sstyle=", answer.text) == []


async def test_unchanged_part_is_not_sent_again_and_polls_take_nothing_from_the_key(pair: Pair) -> None:
    browser = await signed_in(pair.app, await pair.key("ops", rate=(0.001, 2)))
    page = (await browser.get(TODAY)).text
    version = re.search(r'If-None-Match": "\\"([0-9a-f]+)\\""', page)
    assert version is not None
    headers = {"HX-Request": "true", "If-None-Match": f'"{version[1]}"'}
    answers = [await browser.get(f"{TODAY}/now", headers=headers) for _ in range(5)]
    assert [(each.status_code, each.text) for each in answers] == [(204, "")] * 5
    assert [(await browser.get(TODAY)).status_code for _ in range(2)] == [200, 429]
    await pair.workspace.assign(email="new@near.example", source="partner")
    changed = await browser.get(f"{TODAY}/now", headers=headers)
    assert (changed.status_code, changed.text.count("data-live")) == (200, 1)


async def test_files_are_kept_by_browsers_under_the_name_of_their_content(pair: Pair) -> None:
    browser = browser_of(pair.app)
    text = (await browser.get(SIGN_IN)).text
    for address in re.findall(r'(?:src|href)="(/console/static/[^"]+)"', text):
        answer = await browser.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    earlier = re.sub(r"static/[0-9a-f]+", "static/0123", address)
    assert (await browser.get(earlier)).headers["cache-control"] == "no-store"
    for missing in ("x.css", "vendor/VERSIONS.json", "../route.py", "%2e%2e/route.py"):
        answer = await browser.get(f"/console/static/0/{missing}")
        assert answer.status_code in (303, 404), missing
