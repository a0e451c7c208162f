"""The backup and the restore of the guide, as its commands stand there."""

import os
import re
import subprocess
from pathlib import Path

from app.store.connection.pool import open_pool
from tests.support.dump import dump
from tests.support.postgres import FOUND, Clusters, execute
from tests.support.shell import Shell
from tests.support.workspace import Filled, open_filled

GUIDE = Path(__file__).parents[2] / "docs/backups.md"
OWNER, BACKUP, COPY = "backup_test_owner", "lead_assignment_backup", "backup_test_copy"


def commands(language: str) -> list[str]:
    """The blocks of the guide in this language."""
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)


def run(block: str, directory: Path, variables: dict[str, str]) -> None:
    """Run a block of shell commands, which must succeed."""
    done = subprocess.run(
        ["sh", "-e", "-c", block], cwd=directory, env=variables, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


async def test_backup_of_the_guide_is_complete_and_verifies(
    clusters: Clusters, filled: Filled, tmp_path: Path
) -> None:
    async with open_filled(filled) as workspace:
        for number in range(5):
            await workspace.assign(external_id=str(number), email=f"{number}@people.example")
    async with await open_pool(filled.dsn, size=2, pgbouncer=False) as pool:
        before = await dump(pool)  # only now does no worker write any more
    major = next(iter(FOUND))
    server = clusters.server(major)
    execute(server.dsn, f"CREATE ROLE {OWNER} LOGIN")
    try:
        (role,) = commands("sql")
        execute(server.dsn, role.replace("…", "secret"))
        addresses = {
            "PATH": f"{FOUND[major].directory}:{os.environ['PATH']}",
            "BACKUP_DATABASE_URL": filled.dsn.replace("postgres@", f"{BACKUP}@"),
            "SUPERUSER_DATABASE_URL": server.dsn,
            "RESTORED_DATABASE_URL": server.database_dsn(COPY).replace("postgres@", f"{OWNER}@"),
            "OWNER": OWNER,
            "NAME": COPY,
        }
        for block in commands("sh"):
            run(block, tmp_path, addresses)
        copy = server.database_dsn(COPY)
        async with await open_pool(copy, size=2, pgbouncer=False) as pool:
            assert await dump(pool) == before
        shell = Shell(tmp_path, DATABASE_URL=addresses["RESTORED_DATABASE_URL"])
        shell.says("migrate")
        shell.variables = {"DATABASE_URL": copy}
        assert "OK" in shell.says("verify")
        shell.says("resume", "--here")
    finally:
        execute(server.dsn, f"DROP DATABASE IF EXISTS {COPY} WITH (FORCE)")
        for name in (OWNER, BACKUP):
            execute(server.dsn, f"DROP ROLE IF EXISTS {name}")
