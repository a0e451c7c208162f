"""The image, built without Docker by the steps of the Dockerfile, and the wheel beside another project.

Dependencies come from the environment that the tests run in, so nothing is downloaded. With the other long
tests, the image is installed as a whole.
"""

import json
import re
import shlex
import site
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import asyncpg
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from devtools.embedded_postgres import start

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "plugin-language"
INSTRUCTION = re.compile(r"^([A-Z]+) (.+)$", re.MULTILINE)
PIN = re.compile(r"^(\S+)==(\S+)$", re.MULTILINE)
IMPORT_OF_THE_CHECKOUT = re.compile(r"^\s*(?:from|import) (?:app|devtools|migrations)\b", re.MULTILINE)
SELF = "lead-assignment"

pytestmark = pytest.mark.xdist_group("install")  # one worker installs for all of them


def instructions(name: str) -> list[str]:
    """The arguments of all instructions of one kind in the Dockerfile, in their order."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [arguments for kind, arguments in INSTRUCTION.findall(text) if kind == name]


def pip_steps() -> list[list[str]]:
    """The words after `pip` of each step of the Dockerfile that runs it."""
    words = [shlex.split(arguments) for arguments in instructions("RUN")]
    return [each[1:] for each in words if each[0] == "pip"]


def copy_as_the_dockerfile_does(target: Path) -> None:
    """Copy what the COPY instructions name, without what git ignores."""
    for arguments in instructions("COPY"):
        *sources, destination = shlex.split(arguments)
        for name in listed(ROOT, *sources):
            source = next(source for source in sources if Path(name).is_relative_to(source))
            inside = Path(name).relative_to(source) if (ROOT / source).is_dir() else Path(name)
            copy_file(ROOT / name, target / destination / inside)


def copy_of(source: Path, target: Path) -> Path:
    """A copy of the files that git knows or would take, so that a build leaves nothing in the checkout."""
    for name in listed(source, "."):
        copy_file(source / name, target / name)
    return target


def listed(directory: Path, *names: str) -> list[str]:
    """The files below these names that git knows or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *names]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name and (directory / name).exists()]


def copy_file(source: Path, target: Path) -> None:
    """Copy a file, with the directories it needs."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())


def pip(*words: str, directory: Path | None = None) -> None:
    """Run pip."""
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *words]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


def wheel_of(source: Path, wheels: Path) -> Path:
    """The wheel of a project, built from this directory."""
    before = set(wheels.glob("*.whl"))
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(source))
    (built,) = set(wheels.glob("*.whl")) - before
    return built


def environment_of(directory: Path, *wheels: Path) -> Path:
    """The programs of a new environment: with these wheels, and the dependencies of this one."""
    venv.create(directory, with_pip=False)
    python = directory / "bin" / "python"
    pip("--python", str(python), "install", "--no-deps", "--no-index", *map(str, wheels))
    (packages,) = directory.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    return python.parent


@pytest.fixture(scope="module")
def image_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that the image installs."""
    base = tmp_path_factory.mktemp("image")
    copy_as_the_dockerfile_does(base / "source")
    (step,) = pip_steps()
    return wheel_of(base / "source" / step[-1], base)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, image_wheel: Path) -> Path:
    """The programs of an environment with what the image has of ours, and with the example plugin."""
    base = tmp_path_factory.mktemp("installed")
    plugin = wheel_of(copy_of(EXAMPLE, base / "source"), base)
    return environment_of(base / "venv", image_wheel, plugin)


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


def needed(name: str, extras: frozenset[str] = frozenset()) -> Iterator[tuple[str, Requirement]]:
    """What a package of this environment needs, and what that needs in turn: who needs it, and what."""
    for line in distribution(name).requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield name, requirement
            yield from needed(requirement.name, frozenset(requirement.extras))


def test_image_installs_only_pinned_versions() -> None:
    assert pip_steps() == [["install", "--no-cache-dir", "-c", "constraints.txt", "."]]
    found = PIN.findall((ROOT / "constraints.txt").read_text())
    pinned = {canonicalize_name(name): version for name, version in found}
    requirements = list(needed(SELF))
    names = {canonicalize_name(requirement.name) for _, requirement in requirements}
    assert {"fastapi", "asyncpg"} <= names
    assert not {"pytest", "embedded-postgres"} & names
    assert names <= pinned.keys()
    unmet = [
        (who, str(requirement))
        for who, requirement in requirements
        if pinned[canonicalize_name(requirement.name)] not in requirement.specifier
    ]
    assert unmet == []
    assert {name: distribution(name).version for name in names} == {name: pinned[name] for name in names}


@pytest.mark.long
@pytest.mark.timeout(1800)  # how long it takes depends on the network
def test_image_is_installed_with_all_it_needs(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    copy_as_the_dockerfile_does(tmp_path / "source")
    programs = tmp_path / "venv" / "bin"
    for step in pip_steps():
        pip("--python", str(programs / "python"), *step, directory=tmp_path / "source")
    shown = json.loads(run(programs, "pip", "list", "--format=json", "--disable-pip-version-check"))
    versions = {canonicalize_name(entry["name"]): entry["version"] for entry in shown}
    ours = versions.keys() - {"pip", "setuptools", "wheel", SELF}
    assert ours == {canonicalize_name(requirement.name) for _, requirement in needed(SELF)}
    assert {name: versions[name] for name in ours} == {name: distribution(name).version for name in ours}
    run(programs, "pip", "check")


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
    roles = compose["configs"]["roles"]["content"]
    for name in ("APP_PASSWORD", "OWNER_PASSWORD"):
        roles = roles.replace(f"${{{name}:?}}", "secret")
    with start(tmp_path, durable=False) as server:
        await execute(server.dsn, "CREATE DATABASE lead_assignment")
        await execute(server.dsn, roles)
        as_owner, as_service = (
            server.dsn.replace("//postgres@/postgres", f"//{role}@/lead_assignment")
            for role in ("lead_assignment_owner", "lead_assignment")
        )
        migration = {"MIGRATION_DATABASE_URL": as_owner, "DATABASE_URL": as_service}
        run(installed, *compose["services"]["migrate"]["command"], **migration)
        await execute(as_service, "SET ROLE lead_assignment_app; SELECT FROM leads")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await execute(as_service, "ALTER TABLE leads ADD COLUMN extra text")


@dataclass(frozen=True)
class Project:
    """Somebody else's project, and the programs of an environment with our wheel and the example plugin."""

    directory: Path
    programs: Path

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
def project(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> Project:
    """A project with its own `app`, beside which our wheel and the example plugin are installed."""
    project = tmp_path_factory.mktemp("project")
    for name in ("app", "migrations", "devtools"):
        (project / name).mkdir()
        (project / name / "__init__.py").write_text("owner = 'the project'\n")
    return Project(project, installed)


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


def files_in(wheel: Path) -> set[str]:
    """The names of what a wheel installs, without what it says about itself."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}


def test_wheel_holds_one_package(image_wheel: Path) -> None:
    assert {name.split("/")[0] for name in files_in(image_wheel)} == {"lead_assignment"}


def test_wheel_of_the_whole_checkout_adds_only_the_embedded_postgres(
    image_wheel: Path, tmp_path: Path
) -> None:
    built = wheel_of(copy_of(ROOT, tmp_path / "source"), tmp_path)
    assert built.name == image_wheel.name
    assert files_in(image_wheel) < files_in(built)
    added = files_in(built) - files_in(image_wheel)
    assert {name.split("/")[2] for name in added} == {"devtools"}
    with zipfile.ZipFile(built) as archive:
        texts = [archive.read(name).decode() for name in added if name.endswith(".py")]
    assert [text for text in texts if IMPORT_OF_THE_CHECKOUT.search(text)] == []


def test_wheel_holds_every_template_and_static_file_of_the_console(image_wheel: Path) -> None:
    console = ROOT / "app" / "console"
    names = {name.removeprefix("lead_assignment/_internal/") for name in files_in(image_wheel)}
    files = [*(console / "templates").rglob("*.html"), *(console / "static").rglob("*.*")]
    assert len(files) > 10
    assert [str(each) for each in files if each.relative_to(ROOT).as_posix() not in names] == []


def test_installed_modules_import_nothing_of_a_project_that_has_the_same_names(project: Project) -> None:
    count, _, imported = project.python(IMPORT_ALL).partition(" ")
    assert int(count) > 200
    assert imported == "[]"


def test_project_keeps_its_own_packages_beside_the_installed_service(
    project: Project, image_wheel: Path
) -> None:
    assert project.python(SAY_OWNERS) == "the project, the project, the project"
    version = image_wheel.name.split("-")[1]
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
