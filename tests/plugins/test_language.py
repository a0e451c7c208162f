"""The example in a package of its own: built, installed, found by a real service, and used."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.audit.verify import verify
from tests.support.callers import callers, insist
from tests.support.forks import ROOT
from tests.support.processes import services
from tests.support.workspace import Workspace, stored_workspace

EXAMPLE = ROOT / "examples" / "plugin-language"
PEOPLE = {"ana": ["de", "en"], "ben": ["fr"], "cem": ["fr", "tr"], "dan": ["en"]}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example is installed, apart from the project; with setuptools at hand without a network."""
    target = tmp_path_factory.mktemp("installed")
    source = tmp_path_factory.mktemp("source") / "plugin-language"
    shutil.copytree(EXAMPLE, source)
    if find_spec("setuptools") is not None:
        build = ["egg_info", "--egg-base", str(target), "build_py", "--build-lib", str(target)]
        command = [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", *build]
    else:
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), "."]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@pytest.mark.long  # in each run they pass beside the installed service
def test_its_own_tests_pass(installed: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{installed}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE / "tests")]
    done = subprocess.run(command, cwd=installed, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


async def people(workspace: Workspace) -> None:
    async with workspace.edit() as edit:
        for id_, languages in PEOPLE.items():
            await edit.put("owners", id_, {"name": id_, "languages": languages}, None)
        members = [{"owner": id_} for id_ in PEOPLE]
        await edit.put("teams", "inbound", {"members": members}, await edit.find("teams", "inbound"))


def plan() -> dict[str, Any]:
    """The plan of its page."""
    text = (EXAMPLE / "README.md").read_text()
    return dict(yaml.safe_load(text.split("```yaml\n")[1].split("```")[0]))


def asking(settings: dict[str, Any]) -> dict[str, Any]:
    """The plan with other settings of its first step, and without tests."""
    return {**plan(), "tests": [], "pipeline": [{"language": settings}, plan()["pipeline"][1]]}


def lead(number: int, language: str | None) -> dict[str, Any]:
    fields = {"external_id": f"lead-{number}", "country": "FR", "language": language}
    return {"lead": {name: value for name, value in fields.items() if value}}


async def test_it_is_used_by_a_service(database: str, installed: Path) -> None:
    async with stored_workspace(database, [1]) as workspace:
        await people(workspace)
        with services(
            database, 1, path=installed, plugin_timeout_seconds="10", request_timeout_seconds="30"
        ) as running:
            async with callers(workspace, running) as (client,):
                drafted = await client.post("/plans", json=plan())
                assert drafted.json()["findings"] == []
                version = drafted.json()["version"]
                published = await client.post(f"/plans/{version}/publish", json={})
                assert published.status_code == 200, published.text
                first = await insist(client, lead(0, "fr"))
                bodies = [lead(number, "fr") for number in range(1, 32)]
                told = await asyncio.gather(*(insist(client, body) for body in bodies))
                others = [
                    await insist(client, lead(40 + workspace, said))
                    for workspace, said in enumerate((None, "pt"))
                ]
        report = await verify(workspace.pool, workspace.workspace_id)
    step = first["trace"]["steps"][0]
    assert (step["step"], step["plugin"]) == ("language-1", "lead-assignment-language 1.0.0")
    assert (first["owner"]["id"], first["reason"]["code"]) == ("ben", "language")
    assert Counter(answer["owner"]["id"] for answer in (first, *told)) == {"ben": 16, "cem": 16}
    assert [answer["reason"]["code"] for answer in others] == ["language", "no_speaker"]
    assert others[0]["owner"]["id"] in {"ana", "dan"}
    assert report.clean, report.differences


async def test_a_team_that_does_not_exist_is_found_when_the_plan_is_checked(
    database: str, installed: Path
) -> None:
    async with stored_workspace(database, [1]) as workspace:
        with services(database, 1, path=installed) as running:
            async with callers(workspace, running) as (client,):
                found = (await client.post("/plans", json=asking({"team": "nobody"}))).json()
                refused = (await client.post("/plans", json=asking({"squad": "inbound"}))).json()
    assert [each["code"] for each in found["findings"]] == ["unknown_team"]
    assert {each["code"] for each in refused["errors"]} == {"required", "unknown_field"}
