"""Suppression lists from files, on the command line."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.intake.suppressions import suppression_keys
from app.store.connection.pool import transaction
from app.store.life.suppressions import find_suppressed
from tests.support.shell import Shell
from tests.support.workspace import Workspace, stored_workspace


@pytest_asyncio.fixture
async def office(database: str) -> AsyncIterator[Workspace]:
    """A workspace with a team and a published plan."""
    async with stored_workspace(database, [1]) as workspace:
        yield workspace


async def blocks(office: Workspace, values: dict[str, str]) -> bool:
    """Whether a lead with these fields is on a list."""
    async with transaction(office.pool, office.workspace_id, read_only=True) as connection:
        return bool(await find_suppressed(connection, office.workspace_id, suppression_keys(values)))


async def test_a_list_comes_from_a_file_with_a_value_in_each_line(office: Workspace, shell: Shell) -> None:
    shell.directory.joinpath("rivals.txt").write_text("# ours\nrival.example\n\nPat@Other.example\n")
    said = shell.says("suppress", "import", "rivals.txt", "--list", "competitors")
    assert said == "2 added, 0 unchanged\n"
    assert shell.says("suppress", "counts") == "competitors\tdomain\t1\ncompetitors\temail\t1\n"
    assert await blocks(office, {"email_domain": "eu.rival.example", "email": "a@eu.rival.example"})
    assert len(shell.says("suppress", "list", "--list", "competitors").splitlines()) == 2


async def test_a_sheet_names_kinds_countries_and_lists(office: Workspace, shell: Shell) -> None:
    sheet = "Email;Phone;Country;List\npat@other.example;;;staff\n;0171 6543210;Germany;\n"
    shell.directory.joinpath("people.csv").write_text(sheet)
    shell.says("suppress", "import", "people.csv", "--list", "do_not_contact")
    assert shell.says("suppress", "counts") == "do_not_contact\tphone\t1\nstaff\temail\t1\n"
    assert await blocks(office, {"phone": "+491716543210"})


@pytest.mark.parametrize(
    ("sheet", "options"),
    [
        ("Firma;Notiz\nrival.example;alt\nother.example;neu\n", ()),
        ("Firma;Notiz\nrival.example;alt\nother.example;neu\n", ("--separator", "semicolon")),
        ("List,Country\nrivals,GB\nrivals,GB\n", ()),
        ("pat@other.example,Pat\nkim@other.example,Kim\n", ()),
    ],
    ids=["unknown names", "separator given", "no entries", "no heading"],
)
async def test_columns_that_nobody_knows_are_told_once(
    office: Workspace, shell: Shell, sheet: str, options: tuple[str, ...]
) -> None:
    shell.directory.joinpath("people.csv").write_text(sheet)
    error = shell.refuses("suppress", "import", "people.csv", "--list", "rivals", *options)
    assert error.count("people.csv") == 1
    assert "value (also entry, address or domain); email (also" in error
    assert "line" not in error.replace("first line", "").replace("each line", "")
    assert "other.example" not in error


async def test_a_sheet_of_a_spreadsheet_is_read_as_it_is(office: Workspace, shell: Shell) -> None:
    sheet = (
        "E-Mail-Adresse;Telefonnummer;Land;Grund\r\n"
        '"""Doe, Pat"" <Pat@other.example>";030 901820;Deutschland;asked\r\n'
        ";;DE;nobody\r\nkim@other.example;;somewhere;asked\r\n"
    )
    shell.directory.joinpath("people.csv").write_bytes(sheet.encode("utf-16"))
    said = shell.says("suppress", "import", "people.csv", "--list", "rivals")
    assert said == "3 added, 0 unchanged, 1 lines without an entry\n"
    assert await blocks(office, {"phone": "+4930901820"})
    assert await blocks(office, {"email": "pat@other.example"})


async def test_a_domain_beside_an_address_is_added_only_when_it_is_asked_for(
    office: Workspace, shell: Shell
) -> None:
    sheet = (
        "Name,Email,Website\nPat,pat@other.example,https://www.other.example/de\nKim,kim@other.example,n/a\n"
    )
    shell.directory.joinpath("people.csv").write_text(sheet)
    assert "--only" in shell.refuses("suppress", "import", "people.csv", "--list", "rivals")
    only = ("suppress", "import", "people.csv", "--list", "rivals", "--only", "email")
    assert shell.says(*only) == "2 added, 0 unchanged\n"
    assert not await blocks(office, {"email_domain": "other.example", "email": "lee@other.example"})


async def test_a_name_with_a_comma_is_no_heading(office: Workspace, shell: Shell) -> None:
    shell.directory.joinpath("list.txt").write_text('"Doe, Pat" <pat@other.example>\nrival.example\n')
    assert shell.says("suppress", "import", "list.txt", "--list", "rivals") == "2 added, 0 unchanged\n"


async def test_nothing_is_written_when_a_line_is_a_hash(office: Workspace, shell: Shell) -> None:
    shell.directory.joinpath("list.txt").write_text("fine.example\n0cc175b9c0f1b6a831c399e269772661\n")
    error = shell.refuses("suppress", "import", "list.txt", "--list", "students")
    assert "hash" in error
    assert "0cc175" not in error
    assert shell.says("suppress", "counts") == ""


async def test_entries_are_added_and_removed_with_a_reason(office: Workspace, shell: Shell) -> None:
    assert shell.says("suppress", "add", "rival.example", "--list", "rivals") == "1 added, 0 unchanged\n"
    assert shell.says("suppress", "rotate-key") == "keys in use: 2, 1\n"
    assert "1 with an older key" in shell.says("suppress", "counts")
    said = shell.says("suppress", "add", "rival.example", "--list", "rivals")
    assert said == "0 added, 1 with the newest key now, 0 unchanged\n"
    removed = ("suppress", "remove", "rival.example", "--list", "rivals", "--reason", "mistake")
    assert shell.says(*removed) == "rivals: 1 removed\n"
    assert not await blocks(office, {"email": "a@rival.example"})
