"""Assigning the leads of a file: columns and fields, decisions, and the report."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from app.audit.verify import verify
from app.cli.context import CommandError
from app.cli.files.columns import ColumnOptions, UnknownColumns, fields_of, read_mapping
from app.cli.files.leads import LeadFile, read_leads
from app.cli.files.outcomes import OutcomeCounts
from app.cli.run import Run, outcomes_of
from app.plan.document.own_fields import declare_fields
from tests.cli.test_cli import Shell, shell
from tests.support.workspace import Workspace

__all__ = ["shell"]

MEETING = """E-Mail-Adresse;Vorname;Firma;Land;Mitarbeiter;Jahresumsatz;Interesse an;consent.email;utm_source
anna@kunde.example;Änne;Kunde GmbH;Österreich;250;1500000,50;a; ja;messe
bert@kunde.example;Bert;Kunde GmbH;DE;viele;;;;
;Cara;;DE;3;;;;
anna@kunde.example;Änne;Kunde GmbH;Österreich;250;1500000,50;a; ja;messe
"""


class Rows(list[dict[str, Any]]):
    """The rows of the report."""

    def write(self, row: dict[str, Any]) -> None:
        self.append(row)


async def ran(
    workspace: Workspace, path: Path, *, dry: bool = False, id_column: str | None = None, **options: Any
) -> tuple[OutcomeCounts, Rows]:
    rows = Rows()
    run = Run(path, ColumnOptions(**options), "form", id_column, dry, deadline=30.0)
    return await outcomes_of(workspace.pool, workspace.workspace_id, run, rows), rows  # type: ignore[arg-type]


def people(path: Path, numbers: range, **more: str) -> Path:
    lines = [
        f"p{number}@people.example,{'DE' if number % 3 else 'US'},{number},{number % 7}" for number in numbers
    ]
    path.write_text("\n".join(["email,country,employees,Floor", *lines]) + "\n")
    return path


async def received(workspace: Workspace) -> int:
    return int(await workspace.pool.fetchval("SELECT count(*) FROM leads"))


async def test_dry_run_of_a_file_shows_the_owners_that_the_real_run_assigns(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = people(tmp_path / "leads.csv", range(600))
    await workspace.put("owners", "eve", {"name": "Eve", "caps": {"per_day": 40}})
    _, for_dry_run = await ran(workspace, path, dry=True, unknown=UnknownColumns.ATTRIBUTES)
    assert await received(workspace) == 0
    outcomes, rows = await ran(workspace, path, unknown=UnknownColumns.ATTRIBUTES)
    assert [row["owner"] for row in rows] == [row["owner"] for row in for_dry_run]
    assert rows == for_dry_run
    assert [row["line"] for row in rows] == list(range(2, 602))
    assert Counter(row["owner"] for row in rows)["eve"] == 40
    assert (outcomes.decided, outcomes.existing, outcomes.problems) == (600, 0, [])
    assert await received(workspace) == 600
    assert (await verify(workspace.pool, workspace.workspace_id)).differences == []


async def test_repeated_file_decides_no_line_twice(workspace: Workspace, tmp_path: Path) -> None:
    path = people(tmp_path / "leads.csv", range(40))
    first, rows = await ran(workspace, path, unknown=UnknownColumns.IGNORE)
    lines = path.read_text().splitlines()
    # One line is corrected and another is added.
    corrected = lines[5].replace("p4@", "q4@")
    path.write_text("\n".join([lines[0], "new@people.example,DE,1,1", *lines[1:5], corrected, *lines[6:]]))
    shown, for_dry_run = await ran(workspace, path, dry=True, unknown=UnknownColumns.IGNORE)
    again, more = await ran(workspace, path, unknown=UnknownColumns.IGNORE)
    assert (first.replayed, again.replayed, shown.replayed) == (0, 39, 39)
    assert [row["line"] for row in more if not row["replayed"]] == [2, 7]
    assert [row["owner"] for row in more[1:5]] == [row["owner"] for row in rows[:4]]
    assert for_dry_run == more
    assert await received(workspace) == 42


async def test_id_column_identifies_the_lines_of_a_repeated_file(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("No,email\n7,a@people.example\n8,b@people.example\n,c@people.example\n")
    outcomes, _ = await ran(workspace, path, id_column="No", unknown=UnknownColumns.IGNORE)
    assert (outcomes.decided, [line for line, _ in outcomes.problems]) == (2, [4])
    path.write_text("No,email\n8,b@people.example\n7,z@people.example\n")
    outcomes, rows = await ran(workspace, path, id_column="No", unknown=UnknownColumns.IGNORE)
    assert [(row["line"], row.get("replayed")) for row in rows] == [(2, True), (3, None)]
    assert "line 3: was processed before with different values" in "\n".join(outcomes.lines())
    with pytest.raises(CommandError, match="no column 'Nr'"):
        await ran(workspace, path, id_column="Nr", unknown=UnknownColumns.IGNORE)


async def test_invalid_lines_are_reported_and_the_others_are_decided(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "leads.csv"
    path.write_text(MEETING)
    outcomes, rows = await ran(workspace, path, mapped={"Interesse an": "product_interest"})
    assert sorted((row["line"], row["outcome"], row["code"]) for row in rows) == [
        (2, "assigned", "rule"),
        (3, "failed", "wrong_type"),
        (4, "failed", "no_identity"),
        (5, "assigned", "duplicate"),
    ]
    printed = "\n".join(outcomes.lines())
    assert "2 decided, 1 existing leads, 0 decided before" in printed
    assert "  line 3: employees must be an integer (column Mitarbeiter)" in printed
    assert "kunde" not in printed
    answer = await workspace.client.post("/leads/lookup", json={"email": "anna@kunde.example"})
    values = answer.json()["items"][0]["fields"]
    assert (values["country"], values["employees"], values["annual_revenue"]) == ("AT", 250, 1500000.5)
    assert (values["consent"], values["utm"]) == ({"email": True}, {"source": "messe"})
    assert values["product_interest"] == ["a"]


async def test_file_and_service_decide_at_the_same_time(workspace: Workspace, tmp_path: Path) -> None:
    path = people(tmp_path / "leads.csv", range(300))
    visitors = [workspace.assign(email=f"v{number}@people.example", country="US") for number in range(60)]
    (outcomes, _), *answers = await asyncio.gather(
        ran(workspace, path, unknown=UnknownColumns.ATTRIBUTES), *visitors
    )
    assert (outcomes.decided, len(answers), await received(workspace)) == (300, 60, 360)
    report = await verify(workspace.pool, workspace.workspace_id)
    assert (report.decisions, report.differences) == (360, [])


async def test_lines_of_json_hold_objects(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "leads.ndjson"
    lines = [
        {"E-Mail": "a@people.example", "crm": {"lead_id": "L-1"}, "engagement": [{"name": "demo"}]},
        {"E-Mail": "b@people.example", "crm.lead_id": "L-2", "attributes": {"plan": "pro"}},
        {"E-Mail": "c@people.example", "employees": "12"},
    ]
    path.write_bytes(
        b"\n".join(map(orjson.dumps, lines)) + b'\n[1]\n{"E-Mail": "d@p.example", "E-Mail": 1}\n'
    )
    outcomes, _ = await ran(workspace, path)
    assert (outcomes.decided, [line for line, _ in outcomes.problems]) == (2, [4, 5, 3])
    assert (await workspace.get("/leads?crm_lead_id=L-2"))["items"][0]["fields"]["attributes"] == {
        "plan": "pro"
    }


def table(path: Path, text: str, plan: str = "{}", **options: Any) -> LeadFile:
    path.write_text(text)
    return read_leads(path, ColumnOptions(**options), declare_fields(yaml.safe_load(plan)))


def test_cells_get_the_type_of_their_field(tmp_path: Path) -> None:
    header = "email,churn_risk,attributes.seats,attributes.code,attributes.vip,attributes.since,pages,score"
    line = "a@people.example,0.7,12,007,no,2026-11-20,pricing; docs,-3"
    plan = "{attributes.vip: {type: boolean}, attributes.since: {type: string}, "
    plan += "attributes.code: {type: integer}}"
    (lead,) = table(tmp_path / "leads.csv", f"{header}\n{line}\n", plan).good
    assert lead.arrival.values["attributes"] == {"seats": 12, "code": 7, "vip": False, "since": "2026-11-20"}
    assert (lead.arrival.values["churn_risk"], lead.arrival.values["score"]) == (0.7, -3)
    assert lead.arrival.values["pages"] == ["pricing", "docs"]
    (lead,) = table(tmp_path / "leads.csv", f"{header}\n{line}\n").good
    assert lead.arrival.values["attributes"]["code"] == "007"


HEADERS = [
    ("email", "email"),
    ("E-Mail", "email"),
    ("Email Address", "email"),
    ("First Name", "first_name"),
    ("NACHNAME", "last_name"),
    ("crm.lead_id", "crm.lead_id"),
    ("CRM Lead ID", "crm.lead_id"),
    ("PLZ", "postal_code"),
    ("Straße", None),
    ("Ländercode", "country"),
    ("Anzahl der Mitarbeiter", "employees"),
    ("utm_campaign", "utm.campaign"),
    ("utm.x", "utm.x"),
    ("attributes.a.b", "attributes.a.b"),
    ("id", None),
    ("email_domain", None),
]


@pytest.mark.parametrize(("header", "field"), HEADERS)
def test_common_headers_match_their_field(header: str, field: str | None) -> None:
    assert fields_of([header], ColumnOptions(unknown=UnknownColumns.IGNORE)).get(header) == field


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (["email", "Size"], {}, "'Size'"),
        (["email", "E-Mail"], {}, "both mean email"),
        (["email"], {"mapped": {"Mail": "email"}}, "no column 'Mail'"),
        (["Mail"], {"mapped": {"Mail": "mail"}}, "'mail' is not a field"),
        (["Mail"], {"mapped": {"Mail": "email_domain"}}, "'email_domain' is not a field"),
    ],
)
def test_unknown_columns_are_refused(columns: list[str], options: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        fields_of(columns, ColumnOptions(**options))


def test_mapping_takes_precedence_over_headers(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("Firma: attributes.firm\nNotiz, intern: '-'\n")
    mapped = read_mapping(["e mail = crm.lead_id, Land=country", "Firma=company"], path)
    assert mapped == {
        "Firma": "company",
        "Notiz, intern": "-",
        "e mail": "crm.lead_id",
        "Land": "country",
    }
    columns = ["E-Mail", "Land", "Firma", "Notiz, intern", "Größe (m²)"]
    assert fields_of(columns, ColumnOptions(mapped, unknown=UnknownColumns.ATTRIBUTES)) == {
        "E-Mail": "crm.lead_id",
        "Land": "country",
        "Firma": "company",
        "Größe (m²)": "attributes.grosse_m2",
    }
    assert fields_of(["Mail 2"], ColumnOptions({"email": "Mail 2"})) == {"Mail 2": "email"}
    for wrong in ("Firma", "=company", "Firma="):
        with pytest.raises(CommandError, match="Column=field"):
            read_mapping([wrong], None)


async def test_intake_flags_are_reported_with_their_lines(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("E-Mail;Land\na@people.example;Deutschland\nb@people.example;Atlantis\n")
    outcomes, rows = await ran(workspace, path)
    assert [row["flags"] for row in rows] == [[], ["country_unknown"]]
    assert "flag country_unknown in line 3" in list(outcomes.lines())


def test_assign_command_decides_a_spreadsheet_and_reports_it(shell: Shell) -> None:
    shell.says("workspaces", "create", "acme")
    plan = shell.directory / "plan.yaml"
    plan.write_text("queues: {q: {}}\npipeline: [{queue: {name: q}}]")
    shell.says("plan", "publish", str(plan), "--workspace", "acme", "--comment", "try")
    file, out = shell.directory / "leads.csv", shell.directory / "out.csv"
    file.write_text("E-Mail;Firma\na@people.example;A\nb@people.example;B\n", encoding="utf-8-sig")
    printed = shell.says("assign", str(file), "--workspace", "acme", "--dry-run")
    assert "(queue q)" in printed
    assert "100.0 %" in printed
    printed = shell.says("assign", str(file), "--workspace", "acme", "--report", str(out))
    assert "leads: 2 decided, 0 existing leads, 0 decided before" in printed
    assert out.read_text().splitlines()[1] == "2,queued,,,q,queue,q,,,false,false,"
    file.write_text(file.read_text() + ";\n;C\nc;C;C\n")
    done = shell.run("assign", str(file), "--workspace", "acme", "--trigger", "webinar")
    assert done.returncode == 1
    assert "3 decided" in done.stdout
    assert "line 6: has 3 cells for 2 columns" in done.stdout
    assert "OK" in shell.says("verify")
    assert "Unknown trigger" in shell.refuses("assign", str(file), "--workspace", "acme", "--trigger", "?")
    assert "'Firma'" in shell.refuses("assign", str(file), "--workspace", "acme", "--map", "Frima=company")
