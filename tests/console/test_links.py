"""Sign-in links: printed for an owner, used once, and no use to programs that look at links."""

from pathlib import Path

from tests.console.pair import browser_of, signed_in
from tests.support.shell import Shell
from tests.support.workspace import Filled, open_filled


async def test_link_signs_its_owner_in_once_and_ends_with_its_key(filled: Filled, tmp_path: Path) -> None:
    shell = Shell(tmp_path, DATABASE_URL=filled.dsn)
    assert "No owner 'nobody'" in shell.refuses("console", "link", "nobody")
    first, second = [shell.says("console", "link", "ana").strip() for _ in range(2)]
    old, ahead = [shell.says("console", "link", "ana", "--port", "8123").strip() for _ in range(2)]
    async with open_filled(filled, no_worker=True) as workspace:
        path = first.removeprefix("http://127.0.0.1:8000")
        scanner, phone, late = (browser_of(workspace.app) for _ in range(3))
        for _ in range(2):
            answer = await scanner.get(path)
            assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
        assert (await phone.post(path, data={})).headers["location"] == "/console"
        assert "ana" in (await phone.get("/console/nowhere")).text
        assert (await phone.get("/console/today")).status_code == 403
        again = await late.post(path, data={})
        assert (again.status_code, "set-cookie" in again.headers) == (404, False)
        assert "Ask for a new one" in again.text
        assert "typing error" not in again.text
        # The second one is as if it was made while the clock of the database was ahead.
        for link, ends in ((old, "now()"), (ahead, "now() + interval '40 days'")):
            await workspace.pool.execute(f"UPDATE console_links SET ends_at = {ends}")
            assert (await late.post(link.removeprefix("http://127.0.0.1:8123"), data={})).status_code == 404
        keys = await workspace.fetch(
            "SELECT id, owner_id, scopes FROM api_keys WHERE workspace_id = $1 AND owner_id = 'ana'"
        )
        assert [(row["owner_id"], row["scopes"]) for row in keys] == [
            ("ana", ["claim", "directory:write", "events", "leads:read"])
        ]
        shell.says("keys", "revoke", keys[0]["id"])
        workspace.app.state.authentication._keys._known.clear()
        assert (await phone.get("/console/nowhere")).status_code == 303
    assert second != first


async def test_guessing_links_is_limited(filled: Filled) -> None:
    async with open_filled(filled, no_worker=True) as workspace:
        browser = browser_of(workspace.app)
        wrong = f"/console/link/{workspace.workspace_id}.{'A' * 43}"
        statuses = [(await browser.post(wrong, data={})).status_code for _ in range(31)]
        assert statuses == [404] * 30 + [429]
        assert (
            await (await signed_in(workspace.app, workspace.key)).get("/console/today")
        ).status_code == 200
