"""Loading and dumping a plan with common YAML tools does not change its meaning."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ruamel.yaml import YAML

from app.cli.files import table
from app.cli.files.rows import read_file
from app.cli.imports import MODELS, load
from app.plan.reader.read import load_plan
from tests.plans.test_versions import drafted, publish
from tests.support.workspace import Workspace

ROOT = Path(__file__).parents[2]
EXAMPLES = {path.parent: path.read_text("utf-8") for path in sorted((ROOT / "examples").glob("*/plan.yaml"))}


def by_pyyaml(text: str) -> str:
    """A plan that PyYAML loaded and dumped."""
    return yaml.safe_dump(yaml.safe_load(text), sort_keys=False)


def by_ruamel_round_trip(text: str) -> str:
    """A plan that ruamel.yaml loaded and dumped with its comments."""
    return _by_ruamel(YAML(), text)


def by_ruamel_safe(text: str) -> str:
    """A plan that ruamel.yaml loaded as plain data and dumped."""
    return _by_ruamel(YAML(typ="safe"), text)


def _by_ruamel(loader: YAML, text: str) -> str:
    dumped = io.StringIO()
    YAML().dump(loader.load(text), dumped)
    return dumped.getvalue()


@pytest.mark.parametrize("tool", [by_pyyaml, by_ruamel_round_trip, by_ruamel_safe])
@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
async def test_example_plan_survives_a_yaml_tool_and_is_published(
    workspace: Workspace, folder: Path, tool: Callable[[str], str]
) -> None:
    dumped = tool(EXAMPLES[folder])
    assert load_plan(dumped) == load_plan(EXAMPLES[folder])
    await _import_directory(workspace, _files(folder))
    version = await drafted(workspace, dumped)
    published = (await publish(workspace, version)).json()
    # The service of the tests has no public address, so it makes no sign-in links.
    found = [each for each in published["findings"] if each["code"] != "no_public_url"]
    assert (found, published["active"]) == ([], True)


def _files(folder: Path) -> list[Path]:
    """The directory files of an example, in the order of their references."""
    order = ("calendars", "owners", "teams", "accounts")
    files = [path for path in folder.iterdir() if path.suffix in (".csv", ".ndjson")]
    return sorted(files, key=lambda path: order.index(path.stem) if path.stem in order else len(order))


async def _import_directory(workspace: Workspace, files: list[Path]) -> None:
    for file in files:
        if file.stem in MODELS:
            lines = read_file(file, file.stem)
            result = await load(workspace.pool, workspace.workspace_id, file.stem, lines, lambda _: None)
            assert result["errors"] == []
        else:
            await table.write(
                workspace.pool, workspace.workspace_id, file.stem, table.read(file), lambda _: None
            )
