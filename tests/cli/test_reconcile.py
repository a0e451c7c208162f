"""`lead-assignment reconcile`: a list of the CRM in a file."""

from pathlib import Path

import pytest

from tests.support.crm import Crm, open_crm
from tests.support.shell import Shell
from tests.support.workspace import Filled, open_filled

AS_OF = ("--endpoint", "crm", "--as-of", "2099-01-01T00:00:00Z")
EXPORT = """Record ID,First Name,hubspot_owner_id,Last Modified Date
101,canary,3,2098-12-31 10:00
102,canary,999,2098-12-31 10:00
103,canary,1,
"""


async def test_file_is_compared_and_applied(filled: Filled, tmp_path: Path) -> None:
    shell = Shell(tmp_path, DATABASE_URL=filled.dsn)
    async with open_filled(filled) as workspace, open_crm(workspace) as crm:
        await _leads(crm)
        file = tmp_path / "contacts.csv"
        file.write_text(EXPORT)
        shown = shell.says("reconcile", str(file), *AS_OF).splitlines()
        assert [line.split("\t")[:3] for line in shown] == [
            ["contact", "101", "owner_differs"],
            ["contact", "102", "unknown_owner"],
            ["contact", "103", "unknown_record"],
        ]
        assert shown[0].endswith("\tcem")
        assert "canary" not in "".join(shown)
        jobs = "SELECT kind, total, actor FROM bulk_jobs WHERE workspace_id = $1"
        assert await crm.workspace.fetch(jobs) == []
        shell.says("reconcile", str(file), *AS_OF, "--apply")
        ((kind, total, actor),) = await crm.workspace.fetch(jobs)
        assert (kind, total, bool(actor)) == ("reconcile", 1, True)


async def test_complete_list_of_lines_names_what_it_lacks(filled: Filled, tmp_path: Path) -> None:
    shell = Shell(tmp_path, DATABASE_URL=filled.dsn)
    async with open_filled(filled) as workspace, open_crm(workspace) as crm:
        await _leads(crm)
        file = tmp_path / "contacts.ndjson"
        file.write_text('{"id": 101, "owner": "3", "object": "contact"}\n')
        shown = shell.says("reconcile", str(file), *AS_OF, "--complete").splitlines()
        assert [line.split("\t")[1:3] for line in shown] == [["101", "owner_differs"], ["102", "missing"]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"id": 101}\n{"owner": 5}\n', "line 2: id is required"),
        ('{"id": 101, "modified_at": "soon"}\n', "line 1: modified_at must be a date and time"),
        ("id,owner\n101,3\n", "endpoint"),
    ],
)
def test_file_that_cannot_be_read_changes_nothing(
    database: str, shell: Shell, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / ("list.ndjson" if text.startswith("{") else "list.csv")
    file.write_text(text)
    shell.says("migrate")
    shell.says("workspaces", "create", "office")
    assert said in shell.refuses("reconcile", str(file), *AS_OF, "--apply")


async def _leads(crm: Crm) -> None:
    made = await crm.workspace.client.put(
        "/endpoints/crm", json={"kind": "hubspot", "secrets": ["long enough"]}
    )
    assert made.status_code == 201
    for number in ("101", "102"):
        decision = await crm.workspace.assign(crm={"lead_id": number}, email=f"p{number}@kunde.example")
        answer = await crm.workspace.client.post(
            "/reassign", json={"lead_id": decision["lead_id"], "to": {"owner": "ana"}}
        )
        assert answer.status_code == 201
