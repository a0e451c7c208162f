"""`plan import salesforce`: the files it writes, and that they can be published as they are."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli import commands
from app.cli.context import CommandError
from app.cli.files.rows import read_file
from app.cli.imports import load
from tests.salesforce.rule_files import NAMESPACE, criterion, entry, rule, rule_file
from tests.support.workspace import Workspace

FILE = Path(__file__).parents[1] / "salesforce" / "files" / "Lead.assignmentRules-meta.xml"


def run(*words: object) -> Result:
    return CliRunner().invoke(commands, ["plan", "import", "salesforce", *map(str, words)])


def error(result: Result) -> str:
    assert isinstance(result.exception, CommandError), result.exception
    return str(result.exception)


def test_plan_owners_and_tables_are_written_and_pass_the_check(tmp_path: Path) -> None:
    out = tmp_path / "new" / "plan"
    result = run(FILE, "--out", out)
    assert result.exit_code == 0, result.output
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert files == {"plan.yaml", "owners.csv", "tables/entry-14-to-15.csv"}
    assert result.output.startswith("Rule 'Web & partners': 15 entries became 14 rules")
    checked = CliRunner().invoke(commands, ["plan", "check", str(out / "plan.yaml")])
    assert checked.exit_code == 0, checked.output


def test_earlier_import_is_replaced_only_on_request(tmp_path: Path) -> None:
    assert run(FILE, "--out", tmp_path).exit_code == 0
    (tmp_path / "plan.yaml").write_text("mine")
    assert f"{tmp_path} has plan.yaml already" in error(run(FILE, "--out", tmp_path))
    assert (tmp_path / "plan.yaml").read_text() == "mine"
    assert run(FILE, "--out", tmp_path, "--overwrite").exit_code == 0
    assert (tmp_path / "plan.yaml").read_text() != "mine"


def test_types_come_from_the_directory_of_the_object(tmp_path: Path) -> None:
    fields = tmp_path / "Lead" / "fields"
    fields.mkdir(parents=True)
    (fields / "Size__c.field-meta.xml").write_text(
        f'<CustomField xmlns="{NAMESPACE}"><fullName>Size__c</fullName><type>Number</type></CustomField>'
    )
    (fields / "notes.txt").write_text("no field")
    rules = tmp_path / "rules.xml"
    rules.write_text(rule_file(rule(entry(criterion("Lead.Size__c", "equals", "50")))))
    assert run(rules, "--out", tmp_path / "out", "--object", tmp_path / "Lead").exit_code == 0
    assert "when: {attributes.Size__c: 50}" in (tmp_path / "out" / "plan.yaml").read_text()


@pytest.mark.parametrize(
    ("name", "text", "option", "message"),
    [
        ("rules.xml", "<AssignmentRules>\n<", None, "rules.xml line 2: is not well-formed XML"),
        ("absent.xml", None, None, "Cannot read"),
        ("map.csv", "BU__c,nowhere", "--fields", "map.csv line 1: 'nowhere' is not a field of a lead"),
        ("empty", None, "--object", "Cannot read"),
    ],
)
def test_file_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, text: str | None, option: str | None, message: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    words: tuple[Any, ...] = (FILE, option, path) if option else (path,)
    assert message in error(run(*words, "--out", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


async def test_imported_plan_is_published_after_its_owners(workspace: Workspace, tmp_path: Path) -> None:
    assert run(FILE, "--out", tmp_path, "--default-owner", "sam.lee@tern.example").exit_code == 0
    lines = read_file(tmp_path / "owners.csv", "owners")
    await load(workspace.pool, workspace.workspace_id, "owners", lines, lambda _: None)
    draft = await workspace.client.post(
        "/plans",
        content=(tmp_path / "plan.yaml").read_bytes(),
        headers={"Content-Type": "application/yaml"},
    )
    assert draft.status_code == 201, draft.text
    assert [each for each in draft.json()["findings"] if each["severity"] == "error"] == []
    published = await workspace.client.post(
        f"/plans/{draft.json()['version']}/publish", json={"comment": "new"}
    )
    assert published.status_code == 200, published.text
    kept = {"email": "a@x.example", "source": "Migration", "crm": {"owner_id": "lee.park@tern.example"}}
    for lead, owner in ((kept, "lee.park"), ({"email": "b@x.example", "source": "Migration"}, "sam.lee")):
        answer = await workspace.client.post("/assign", json={"lead": lead})
        assert answer.json()["owner"]["id"] == owner
    other = {"email": "c@x.example", "attributes": {"Description": "a"}}
    assert (await workspace.client.post("/assign", json={"lead": other})).json()["owner"]["id"] == "sam.lee"
