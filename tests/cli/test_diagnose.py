"""`lead-assignment diagnose`."""

import orjson
import pytest

from tests.support.shell import Shell
from tests.support.workspace import stored_workspace


async def test_diagnosis_is_printed_for_people_and_as_json(database: str, shell: Shell) -> None:
    async with stored_workspace(database, [1, 1]):
        leads = "email\n" + "\n".join(f"p{number}@x.example" for number in range(6))
        shell.directory.joinpath("leads.csv").write_text(leads)
        shell.says("assign", "leads.csv", "--workspace", "example")
        lines = shell.says("diagnose").splitlines()
        assert "0 tests" in lines[0]
        assert "Nothing was found." in lines
        found = orjson.loads(shell.says("diagnose", "--json", "--owners", "--within", "1d"))
        assert (found["report"], found["within_seconds"], found["figures"]["plan"]["leads"]) == (
            "health",
            86_400,
            6,
        )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--within", "soon"), "such as 30d"),
        (("--within", "99999999d"), "such as 30d"),
        (("--from", "0001-01-01"), "--from: must be a date"),
        (("--to", "0001-01-01"), "--to: must be a date"),
        (("--outcome", "luck"), "must be one of purchase"),
        (("--from", "2026-11-30", "--to", "2026-11-30"), "--to must be after --from"),
    ],
)
async def test_wrong_option_is_named(
    database: str, shell: Shell, words: tuple[str, ...], message: str
) -> None:
    async with stored_workspace(database):
        assert message in shell.refuses("diagnose", *words)
