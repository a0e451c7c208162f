"""Tables from files: the report, and the errors by line."""

from pathlib import Path

import pytest

from app.cli.context import CommandError
from app.cli.files.table import read, summary, write
from tests.support.workspace import Workspace

ZIP = "country;postal_code;owner;team\nUS;021;ana;\nUS;9;;west\n"


def kept(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


async def test_a_file_replaces_the_table(workspace: Workspace, tmp_path: Path) -> None:
    done: list[int] = []
    first = await write(
        workspace.pool, workspace.workspace_id, "us-zip", read(kept(tmp_path / "a.csv", ZIP)), done.append
    )
    assert list(summary(first)) == [
        "2 rows: 2 added, 0 changed, 0 removed",
        "unknown names: 1",
        "  row 2 team  unknown_team: Unknown team `west`. Add this team, or name another.",
    ]
    lines = kept(tmp_path / "a.ndjson", '{"country": "US", "postal_code": "021", "owner": "ben"}\n')
    second = await write(workspace.pool, workspace.workspace_id, "us-zip", read(lines), done.append)
    assert list(summary(second)) == ["1 rows: 0 added, 1 changed, 1 removed"]
    assert done == [2, 1]
    assert (await workspace.get("/tables/us-zip"))["rows"] == [["US", "021", {"owner": "ben"}]]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", ZIP + "US;1;;\nUS;2\n", ["line 4: Exactly one of", "line 5: must have 4 cells"]),
        (
            "a.csv",
            ZIP.replace("team", "priority").replace("west", "x"),
            ["line 3: priority Must be an integer"],
        ),
        ("a.json", '{"columns": ["country"], "rows": [["DE", 5]]}', ["rows 0 1 must be an object"]),
        ("a.ndjson", "{", ["line 1: Not well-formed JSON"]),
    ],
)
def test_errors_are_reported_by_line(tmp_path: Path, name: str, text: str, told: list[str]) -> None:
    with pytest.raises(CommandError) as stopped:
        read(kept(tmp_path / name, text))
    for sentence in told:
        assert f"\n  {sentence}" in str(stopped.value)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        read(tmp_path / "none.csv")
