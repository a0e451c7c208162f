"""What the database holds of an API key (S-03)."""

from app.keys import issue
from app.store.api_keys import insert_key
from tests.support.dump import dump
from tests.support.workspace import Workspace


async def test_no_table_holds_the_secret_of_a_key(workspace: Workspace) -> None:
    key = issue("test")
    async with workspace.pool.acquire() as connection:
        await insert_key(connection, workspace.workspace_id, key, ["admin"], None, "form")
    tables = await dump(workspace.pool)
    assert key.id.lower() in tables["api_keys"]
    assert [name for name, text in tables.items() if key.secret.lower() in text] == []
