"""The example workspace: owners, teams, a plan, and a first lead to try."""

import shlex
from pathlib import Path

import orjson

from app.cli.context import CommandError
from app.contract.directory import OwnerInput, TeamInput
from app.contract.ndjson import write_lines
from app.keys import DEVELOPMENT_KEY
from app.plan_check.capabilities import Capabilities
from app.plans import versions
from app.registry import strategies
from app.settings import Settings
from app.store import workspaces
from app.store.connection.address import connect_to
from app.store.connection.pool import Pool, open_pool
from app.store.path.current_state import read_current_state

EXAMPLE = Path(__file__).parents[2] / "examples" / "win-back"
ACTOR = "example"


def curl_line() -> str:
    """A curl command for the example lead. The caller replaces PORT."""
    lead = orjson.loads((EXAMPLE / "lead.json").read_bytes())
    words = [
        "curl", "-sS", "http://127.0.0.1:PORT/assign",
        "-H", f"Authorization: Bearer {DEVELOPMENT_KEY}",
        "-H", "Content-Type: application/json",
        "-d", orjson.dumps(lead).decode(),
    ]  # fmt: skip
    return shlex.join(words)


def announcement(*, with_console: bool) -> str:
    """What `serve --dev` prints once it listens. The caller replaces PORT."""
    console = "\nConsole: http://127.0.0.1:PORT/console" if with_console else ""
    return curl_line() + console


async def load_example(settings: Settings) -> None:
    """Create the workspace if it does not exist, and fill it if it is empty."""
    owner = await connect_to(settings.address_for_migration())
    try:
        found = await workspaces.find_workspace(owner, settings.development_workspace)
        workspace = found or await workspaces.create_workspace(owner, settings.development_workspace)
    finally:
        await owner.close()
    pool = await open_pool(settings.database_url or "", size=2, pgbouncer=settings.pgbouncer)
    async with pool:
        if (await read_current_state(pool, workspace.id)).entry.number == 0:
            await _fill(pool, workspace.id)


async def _fill(pool: Pool, workspace_id: int) -> None:
    for resource_type, kind in (("owners", OwnerInput), ("teams", TeamInput)):
        lines = (EXAMPLE / f"{resource_type}.ndjson").read_bytes()
        written = await write_lines(pool, workspace_id, ACTOR, resource_type, kind, lines)
        if written.errors:
            raise CommandError(f"Cannot load the {resource_type} of the example: {written.errors[0]}")
    text = (EXAMPLE / "plan.yaml").read_bytes()
    service, comment = Capabilities(strategies()), "The example"
    drafted = await versions.draft(pool, workspace_id, ACTOR, service, text, comment)
    version = drafted.version.version
    await versions.activate(pool, workspace_id, ACTOR, service, version, comment, "publish")
