"""The commands for personal data."""

import json
from pathlib import Path

from tests.support.shell import Shell
from tests.support.workspace import open_workspace

REVISION = (
    "SELECT revision FROM directory WHERE workspace_id = $1 AND resource_type = 'owners' AND id = 'ben'"
)


async def test_erasure_is_repeated_on_a_restored_database(database: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path, DATABASE_URL=database)
    async with open_workspace(database, no_worker=True) as workspace:
        told = await workspace.assign(external_id="zqcanary")
        other = await workspace.assign(external_id="other")
        assert "zqcanary" in shell.says("leads", "export", told["lead_id"])
        assert "--yes" in shell.refuses("leads", "erase", told["lead_id"])
        before = await workspace.fetch(
            "SELECT lead_id, response, inputs FROM assignments WHERE workspace_id = $1"
        )
        assert json.loads(shell.says("leads", "erase", told["lead_id"], "--yes"))["recipients"] == []
        assert "Erased" in shell.refuses("leads", "export", told["lead_id"])
        assert shell.says("erasures", "export", "log.ndjson") == "1 erasures written.\n"
        # The database as an older backup has it.
        await workspace.pool.execute("DELETE FROM erasures")
        for row in before:
            await workspace.pool.execute(
                "UPDATE assignments SET response = $2, inputs = $3 WHERE lead_id = $1", *row
            )
        await workspace.pool.execute(
            "UPDATE leads SET state = 'assigned', assignment_id = (SELECT assignments.id FROM assignments"
            " WHERE lead_id = leads.id)"
        )
        with (tmp_path / "log.ndjson").open("a") as log:
            line = {
                "workspace": "gone",
                "lead_id": other["lead_id"],
                "at": "2026-01-01T00:00:00Z",
                "actor": "a",
            }
            log.write(json.dumps(line))
        said = shell.says("erasures", "apply", "log.ndjson")
        assert said == "1 leads are erased, 1 are not in this database.\n"
        assert "Erased" in shell.refuses("leads", "export", told["lead_id"])
        assert "other" in shell.says("leads", "export", other["lead_id"])


async def test_erasure_of_an_owner_is_repeated_on_a_restored_database(database: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path, DATABASE_URL=database)
    async with open_workspace(database, no_worker=True) as workspace:
        before = await workspace.get("/owners/ben")
        assert (await workspace.client.delete("/owners/ben?erase=true")).status_code == 204
        assert shell.says("erasures", "export", "log.ndjson") == "1 erasures written.\n"
        # The database as an older backup has it: the owner is there, and the erasure is not.
        await workspace.pool.execute("DELETE FROM owner_erasures")
        body = {"name": before["name"], "active": True}
        line = json.loads((tmp_path / "log.ndjson").read_text())
        await workspace.put("owners", "ben", body)
        await workspace.pool.execute("UPDATE directory SET revision = 1 WHERE id = 'ben'")
        assert "1 owners are erased, 0" in shell.says("erasures", "apply", "log.ndjson")
        assert (await workspace.client.get("/owners/ben")).status_code == 404
        (erasure,) = await workspace.fetch(
            "SELECT owner_id, ended_at FROM owner_erasures WHERE workspace_id = $1"
        )
        assert tuple(erasure) == ("ben", None)
        # A later owner with the same id is somebody else.
        await workspace.put("owners", "ben", body)
        assert line["version"] < (await workspace.fetch(REVISION))[0]["revision"]
        assert "0 owners are erased, 1" in shell.says("erasures", "apply", "log.ndjson")
        assert (await workspace.get("/owners/ben"))["name"] == before["name"]


def test_retention_is_shown_and_set(shell: Shell) -> None:
    shell.says("migrate")
    shell.says("workspaces", "create", "acme")
    assert "leads\tforever" in shell.says("retention", "show")
    shell.says("retention", "set", "leads=24mo", "raw=7d")
    shown = shell.says("retention", "show")
    assert "leads\t24mo" in shown
    assert "raw\t7d" in shown
    shell.says("retention", "set", "leads=forever")
    assert "leads\tforever" in shell.says("retention", "show")
    assert "leads" in shell.refuses("retention", "set", "leads=2")
    assert "seats" in shell.refuses("retention", "set", "seats=2d")
