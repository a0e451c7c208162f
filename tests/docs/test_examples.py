"""Every example is loaded into a running service, and gives the results that its page shows."""

import shlex
from pathlib import Path

import orjson
import pytest

from tests.support.processes import PATIENCE
from tests.support.shell import Shell, environment
from tests.support.stories import differences, play, scenes

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(
    page.parent for page in (ROOT / "examples").glob("*/README.md") if (page.parent / "plan.yaml").exists()
)


@pytest.fixture
def shell(database: str, tmp_path: Path) -> Shell:
    """Commands on a database of their own, in development."""
    # A busy machine may take longer than a visitor would wait.
    return Shell(tmp_path, DATABASE_URL=database, LEAD_ASSIGNMENT_REQUEST_TIMEOUT_SECONDS="30")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_story_of_an_example_comes_out_as_its_page_tells(example: Path, shell: Shell) -> None:
    page = (example / "README.md").read_text(encoding="utf-8")
    with shell.serving("--dev", PORT="0") as (_, line):
        address = shlex.split(line)[2].removesuffix("/assign")
        story = scenes(page.replace("http://127.0.0.1:8000", address))
        with shell.typed() as function:
            printed = play(story, ROOT, environment(**shell.variables), PATIENCE, function)
        assert "OK" in shell.says("verify")
    shown = [
        (scene.commands, differences(scene.shown, orjson.loads(text)))
        for scene, text in zip(story, printed, strict=True)
        if scene.shown is not None
    ]
    assert shown, "a story shows what comes back"
    assert [each for each in shown if each[1]] == []
