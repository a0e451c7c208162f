"""Assigning the leads of a file: columns and fields, decisions, and the report."""

import asyncio
import csv
import unicodedata
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.audit.verify import verify
from app.cli.context import CommandError
from app.cli.files.columns import ColumnOptions, UnknownColumns, fields_of, read_mapping
from app.cli.files.leads import LeadFile, LeadLine, LeadOptions, open_leads
from app.cli.files.outcomes import OutcomeCounts
from app.cli.files.times import DecimalSign
from app.cli.run import Run, outcomes_of
from app.cli.sending import DRY_RUN_BATCH_SIZE
from app.intake.arrival import with_declared
from app.plan.document.own_fields import declare_fields
from tests.support.shell import Shell
from tests.support.workspace import Workspace

pytestmark = pytest.mark.alone

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
    workspace: Workspace, path: Path, *, dry: bool = False, **options: Any
) -> tuple[OutcomeCounts, Rows]:
    rows = Rows()
    options["columns"] = ColumnOptions(
        **{name: options.pop(name) for name in ("mapped", "unknown") if name in options}
    )
    run = Run(path, LeadOptions(**options), "form", dry, deadline=30.0)
    return await outcomes_of(workspace.pool, workspace.workspace_id, run, rows), rows  # type: ignore[arg-type]


def decided(rows: Rows) -> list[dict[str, Any]]:
    """The rows without what a dry run does not have: ids and the time."""
    unlike = {"lead_id", "assignment_id", "decided_at", "actions"}
    return [{name: value for name, value in row.items() if name not in unlike} for row in rows]


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
    await workspace.start_at_noon()
    path = people(tmp_path / "leads.csv", range(600))
    await workspace.put("owners", "eve", {"name": "Eve", "caps": {"per_day": 40}})
    _, for_dry_run = await ran(workspace, path, dry=True, unknown=UnknownColumns.ATTRIBUTES)
    assert await received(workspace) == 0
    outcomes, rows = await ran(workspace, path, unknown=UnknownColumns.ATTRIBUTES)
    assert [row["owner"] for row in rows] == [row["owner"] for row in for_dry_run]
    assert decided(rows) == decided(for_dry_run)
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
    assert decided(for_dry_run) == decided(more)
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
        (3, "assigned", "rule"),
        (4, "failed", "no_identity"),
        (5, "assigned", "duplicate"),
    ]
    printed = "\n".join(outcomes.lines())
    assert "3 decided, 1 existing leads, 0 decided before" in printed
    assert "flag number_unreadable in line 3" in printed
    assert "kunde" not in printed
    answer = await workspace.client.post("/leads/lookup", json={"email": "anna@kunde.example"})
    values = answer.json()["items"][0]["fields"]
    assert (values["country"], values["employees"], values["annual_revenue"]) == ("AT", 250, 1500000.5)
    assert (values["consent"], values["utm"]) == ({"email": True}, {"source": "messe"})
    assert values["product_interest"] == ["a"]


WEEK = """No,Email,Created
3,c@people.example,22.11.2026 09:30
1,a@people.example,21.11.2026 09:00
2,b@people.example,2026-11-21T10:00:00+01:00
4,d@people.example,soon
5,a@people.example,22.11.2026 10:00
"""


async def test_dry_run_decides_each_line_at_its_own_time(workspace: Workspace, tmp_path: Path) -> None:
    plan = "pipeline: [{rule: {name: all, then: {owner: eve, else: [{queue: rest}]}}}, {queue: {name: rest}}]"
    await workspace.publish("queues: {rest: {}}\n" + plan)
    await workspace.put("owners", "eve", {"name": "Eve", "caps": {"per_day": 1}})
    # What the owner got today, and what a lead did later, is not known on the days of the file.
    await workspace.assign(email="c@people.example")
    path = tmp_path / "leads.csv"
    path.write_text(WEEK)
    options: dict[str, Any] = {"dry": True, "unknown": UnknownColumns.IGNORE, "time_column": "Created"}
    outcomes, rows = await ran(workspace, path, **options)
    assert [(row["line"], row["outcome"], row.get("owner")) for row in rows] == [
        (5, "failed", None),
        (3, "assigned", "eve"),
        (4, "queued", None),
        (2, "assigned", "eve"),
        (6, "assigned", "eve"),
    ]
    assert rows[4]["existing"]
    assert [row["decided_at"][:16] for row in rows[1:]] == [
        "2026-11-21T09:00",
        "2026-11-21T09:00",
        "2026-11-22T09:30",
        "2026-11-22T10:00",
    ]
    assert [note for note in outcomes.notes if "order of their times" in note]
    assert "column Created is not a date and time" in "\n".join(outcomes.lines())
    outcomes, rows = await ran(workspace, path, dry=True, unknown=UnknownColumns.IGNORE)
    assert [row["outcome"] for row in rows] == ["assigned", *["queued"] * 4]
    assert [note for note in outcomes.notes if "decided at this second" in note]


async def test_dry_run_of_several_batches_replays_an_earlier_line(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "leads.csv"
    numbers = [*range(DRY_RUN_BATCH_SIZE), 3]
    path.write_text("No,email\n" + "".join(f"{number},p{number}@people.example\n" for number in numbers))
    _, rows = await ran(workspace, path, dry=True, id_column="No", unknown=UnknownColumns.IGNORE)
    assert [row["line"] for row in rows if row["replayed"]] == [DRY_RUN_BATCH_SIZE + 2]
    assert decided(Rows([rows[3] | {"line": DRY_RUN_BATCH_SIZE + 2, "replayed": True}])) == decided(
        Rows([rows[-1]])
    )


async def test_submission_of_two_exports_is_decided_once(workspace: Workspace, tmp_path: Path) -> None:
    header = "id\tcreated_time\tform_id\tfull_name\temail\n"
    path, other = tmp_path / "leads.csv", tmp_path / "more.csv"
    path.write_text(f"{header}l:1\t2026-11-20\tf:7\tBo Li\tbo@people.example\n")
    again = "l:1\t2026-11-20\tf:7\tBo Q. Li\tbo@people.example"
    other.write_text(f"{header}{again}\nl:2\t2026-11-20\tf:7\tCy Ro\tcy@p.example\n")
    await ran(workspace, path)
    _, rows = await ran(workspace, other)
    assert [row["replayed"] for row in rows] == [True, False]
    lead = await workspace.get(f"/leads/{rows[0]['lead_id']}")
    assert (lead["fields"]["submission_id"], lead["fields"]["last_name"]) == ("1", "Li")


@pytest.mark.parametrize(
    ("decimal", "numbers", "flags"),
    [
        (None, (1250, 1500), ["number_ambiguous"]),
        (DecimalSign.COMMA, (1250, 1.5), []),
        (DecimalSign.POINT, (1250, 1500), []),
    ],
)
def test_decimal_sign_of_a_file_is_told(
    tmp_path: Path, decimal: DecimalSign | None, numbers: tuple[float, float], flags: list[str]
) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("Email;Employees;Annual Revenue\na@p.example;1.250;1,500\n")
    (lead,) = leads(open_leads(path, LeadOptions(decimal=decimal)))
    values = lead.arrival.values
    assert (values["employees"], values["annual_revenue"]) == numbers
    assert list(lead.arrival.flags) == flags


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
        {"E-Mail": "c@people.example", "employees": [12]},
    ]
    path.write_bytes(
        b"\n".join(map(orjson.dumps, lines)) + b'\n[1]\n{"E-Mail": "d@p.example", "E-Mail": 1}\n'
    )
    outcomes, _ = await ran(workspace, path)
    assert (outcomes.decided, [line for line, _ in outcomes.problems]) == (2, [3, 4, 5])
    assert (await workspace.get("/leads?crm_lead_id=L-2"))["items"][0]["fields"]["attributes"] == {
        "plan": "pro"
    }


def table(path: Path, text: str, plan: str = "{}", **options: Any) -> LeadFile:
    path.write_text(text)
    return open_leads(path, LeadOptions(ColumnOptions(**options)), declare_fields(yaml.safe_load(plan)))


def leads(file: LeadFile) -> list[LeadLine]:
    """All lines, which must be valid."""
    lines = list(file.entries())
    found = [line for line in lines if isinstance(line, LeadLine)]
    assert len(found) == len(lines), lines
    return found


def test_cells_get_the_type_of_their_field(tmp_path: Path) -> None:
    header = "email,churn_risk,attributes.seats,attributes.code,attributes.vip,attributes.since,pages,score"
    line = "a@people.example,0.7,12,007,no,2026-11-20,pricing; docs,-3"
    plan = "{attributes.vip: {type: boolean}, attributes.since: {type: string}, "
    plan += "attributes.code: {type: integer}}"
    (lead,) = leads(table(tmp_path / "leads.csv", f"{header}\n{line}\n", plan))
    typed = with_declared(lead.arrival, declare_fields(yaml.safe_load(plan)))
    assert typed.values["attributes"] == {"seats": 12, "code": 7, "vip": False, "since": "2026-11-20"}
    assert (lead.arrival.values["churn_risk"], lead.arrival.values["score"]) == (0.7, -3)
    assert lead.arrival.values["pages"] == ["pricing", "docs"]
    (lead,) = leads(table(tmp_path / "leads.csv", f"{header}\n{line}\n"))
    assert lead.arrival.values["attributes"]["code"] == "007"


HEADERS = [
    ("email", "email"),
    ("E-Mail", "email"),
    ("Email Address", "email"),
    ("Work email", "email"),
    ("First Name", "first_name"),
    ("NACHNAME", "last_name"),
    ("full_name", "full_name"),
    ("crm.lead_id", "crm.lead_id"),
    ("CRM Lead ID", "crm.lead_id"),
    ("Lead ID", "crm.lead_id"),
    ("PLZ", "postal_code"),
    ("Zip/Postal Code", "postal_code"),
    ("Company / Account", "company"),
    ("State/Province", "state"),
    ("State/Region", "state"),
    ("Country/Region", "country"),
    ("No. of Employees", "employees"),
    ("Company size", "employees"),
    ("Mobile Phone Number", "phone"),
    ("Website URL", "website"),
    ("Lead Status", "attributes.Lead_Status"),
    ("Submitted At", "submitted_at"),
    ("Straße", None),
    ("Ländercode", "country"),
    ("Anzahl der Mitarbeiter", "employees"),
    ("utm_campaign", "utm.campaign"),
    ("utm.x", "utm.x"),
    ("attributes.a.b", "attributes.a.b"),
    ("id", None),
    ("#", None),
    ("email_domain", None),
]


@pytest.mark.parametrize(("header", "field"), HEADERS)
def test_common_headers_match_their_field(header: str, field: str | None) -> None:
    found = fields_of([header], ColumnOptions(unknown=UnknownColumns.IGNORE))
    assert found.fields.get(header) == field


EXPORTS = [
    # Salesforce
    "First Name,Last Name,Title,Company / Account,Email,Phone,Mobile,Fax,Street,City,State/Province,"
    "Zip/Postal Code,Country,Lead Source,Lead Status,Rating,Lead Owner,Create Date,No. of Employees,"
    "Annual Revenue,Industry,Website,Description,Lead ID",
    # HubSpot
    "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Contact owner,Last Activity Date,"
    "Lead Status,Marketing contact status,Create Date,Associated Company,Job Title,Lifecycle Stage,"
    "Country/Region,State/Region,Postal Code,City,Website URL,Original Traffic Source",
    # Meta
    "id,created_time,ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name,form_id,form_name,is_organic,"
    "platform,full_name,email,phone_number,company_name,job_title,post_code,city,country,lead_status",
    # LinkedIn
    "Lead ID,Lead Type,Form Name,Campaign Name,Campaign ID,Account Name,Ad Name,First Name,Last Name,"
    "Email Address,Work email,Phone Number,Company Name,Company size,Job Title,Seniority,Job Function,"
    "Country/Region,Submitted At,Test Lead",
    # Typeform
    "#,First name,Last name,Email,Phone number,Company,Response Type,Start Date (UTC),Stage Date (UTC),"
    "Submit Date (UTC),Network ID,Tags",
]


@pytest.mark.parametrize("header", EXPORTS)
def test_usual_exports_need_no_mapping(header: str) -> None:
    columns = header.split(",")
    found = fields_of(columns, ColumnOptions())
    assert set(found.fields) == set(columns)


@pytest.mark.parametrize(
    ("header", "attribute"),
    [
        ("BU__c", "BU__c"),
        ("Coupon Code", "Coupon_Code"),
        ("i2i_Coupon_Code_Pass__c", "i2i_Coupon_Code_Pass__c"),
        ("Größe (m²)", "Größe_m²"),
        ("Nr. 5", "Nr_5"),
        ("備考欄", "備考欄"),
        ("役職（必須）", "役職_必須"),
        ("ปุ่ม", "ปุ่ม"),
        ("Wie viele, ungefähr?", "Wie_viele_ungefähr"),
        ("😀", "column_1"),
    ],
)
def test_unknown_headers_keep_their_name_as_attributes(header: str, attribute: str) -> None:
    found = fields_of([header], ColumnOptions(unknown=UnknownColumns.ATTRIBUTES))
    assert found.fields == {header: f"attributes.{attribute}"}


def test_meta_export_is_read_as_it_is_downloaded(tmp_path: Path) -> None:
    header = "id\tcreated_time\tad_id\tform_id\tplatform\tfull_name\temail\tphone_number\tpost_code\tcountry"
    line = "l:1\t2026-11-20T10:00:00+01:00\tag:120212345678901234\tf:2\tfb\tÄnne von Lind\ta@kunde.example"
    path = tmp_path / "leads.csv"
    path.write_bytes(f"{header}\n{line}\tp:+4930901820\tz:01960\tDE\n".encode("utf-16"))
    (lead,) = leads(open_leads(path, LeadOptions(time_column="created_time")))
    values = lead.arrival.values
    assert (values["first_name"], values["last_name"]) == ("Änne", "von Lind")
    assert (values["phone"], values["postal_code"]) == ("+4930901820", "01960")
    assert values["attributes"]["ad_id"] == "120212345678901234"
    assert lead.at == datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "first", "last", "whole"),
    [
        ("Mara Lind", "Mara", "Lind", None),
        ("Lind, Mara", "Mara", "Lind", None),
        ("Mara", "Mara", None, None),
        ("Ludwig van Beethoven", "Ludwig", "van Beethoven", "Ludwig van Beethoven"),
        ("María José de la Cruz Ortiz", "María José", "de la Cruz Ortiz", "María José de la Cruz Ortiz"),
        ("Mary Jane Watson", "Mary Jane", "Watson", "Mary Jane Watson"),
        ("山田 太郎", "太郎", "山田", None),
    ],
)
def test_full_name_is_split(
    tmp_path: Path, name: str, first: str | None, last: str | None, whole: str | None
) -> None:
    (lead,) = leads(table(tmp_path / "leads.tsv", f"Email\tFull Name\na@people.example\t{name}\n"))
    values = lead.arrival.values
    assert (values.get("first_name"), values.get("last_name")) == (first, last)
    assert values.get("attributes", {}).get("full_name") == whole


def test_parts_of_a_name_take_precedence_over_the_whole(tmp_path: Path) -> None:
    text = "Email,Vorname,Name\na@people.example,Mara,Lind\n"
    (lead,) = leads(table(tmp_path / "leads.csv", text))
    assert (lead.arrival.values["first_name"], lead.arrival.values["last_name"]) == ("Mara", "Lind")
    text = (
        "Email,First name,Last name,Full name\na@people.example,Mara,Lind,M. Lind\nb@people.example,,,Bo Li\n"
    )
    one, two = leads(table(tmp_path / "leads.csv", text))
    assert one.arrival.values["attributes"] == {"full_name": "M. Lind"}
    assert (two.arrival.values["first_name"], two.arrival.values["last_name"]) == ("Bo", "Li")


def test_second_column_of_a_field_fills_the_first(tmp_path: Path) -> None:
    file = table(
        tmp_path / "leads.csv", "Email,Mobile,Phone\na@p.example,+49151,+4930\nb@p.example,+49152,\n"
    )
    one, two = leads(file)
    assert (one.arrival.values["phone"], two.arrival.values["phone"]) == ("+4930", "+49152")
    assert one.arrival.values["attributes"] == {"Mobile": "+49151"}
    assert list(file.notes()) == [
        "'Mobile' fills phone where 'Phone' is empty, and is kept as attributes.Mobile."
    ]


def test_defaults_and_replacements_fill_and_change_values(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text(
        "Email,Country,Lead Status: now,Seats\na@p.example,,Open - Not Contacted,5\nb@p.example,Select,x=y,\n"
    )
    options = LeadOptions(
        ColumnOptions(unknown=UnknownColumns.ATTRIBUTES),
        defaults={"country": "GB", "attributes.Seats": "1"},
        replacements=(
            "Lead Status: now:open - not contacted=open",
            "Lead Status: now:x=y=closed",
            "country:select=",
            "Country:Opne=",
        ),
    )
    file = open_leads(path, options)
    one, two = (line.arrival.values for line in leads(file))
    assert (one["country"], two["country"]) == ("GB", "GB")
    assert one["attributes"] == {"Lead_Status_now": "open", "Seats": 5}
    assert two["attributes"] == {"Lead_Status_now": "closed", "Seats": 1}
    assert list(file.notes()) == [
        "No line has 'opne' in the column 'Country', so --map-value changed nothing."
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"defaults": {"land": "DE"}}, "'land' is not a field"),
        ({"replacements": ("Contry:a=b",)}, "no column 'Contry'"),
        ({"replacements": ("Email=b",)}, "Column:value=new value"),
        ({"time_column": "When"}, "no column 'When'"),
        ({"id_column": "No"}, "no column 'No'"),
    ],
)
def test_options_that_name_nothing_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("Email\na@p.example\n")
    with pytest.raises(CommandError, match=message):
        open_leads(path, LeadOptions(**options))


def test_objects_of_a_line_keep_the_values_of_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "leads.ndjson"
    path.write_text('{"email": "a@p.example", "Seats": 5, "attributes": {"plan": "pro"}, "utm_source": "x"}')
    options = LeadOptions(ColumnOptions(unknown=UnknownColumns.ATTRIBUTES), defaults={"attributes.tier": "a"})
    (lead,) = leads(open_leads(path, options))
    assert lead.arrival.values["attributes"] == {"plan": "pro", "Seats": 5, "tier": "a"}


WORD = st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=1, max_size=6)


def texts_of(value: Any) -> list[str]:
    """Every text in a lead."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts_of(each)]
    return [text for each in value for text in texts_of(each)] if isinstance(value, list) else [str(value)]


@given(
    cells=st.dictionaries(WORD.map(lambda name: f"q {name}?"), WORD.map(lambda cell: f"q{cell}"), max_size=4),
    separator=st.sampled_from([",", ";", "\t"]),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_every_cell_of_a_table_is_found_in_the_lead(
    tmp_path_factory: pytest.TempPathFactory, cells: dict[str, str], separator: str, encoding: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "leads.csv"
    columns = {**cells, "Email": "a@p.example", "Full Name": "Bo Li", "Consent": "maybe"}
    text = "\n".join(separator.join(row) for row in (columns, columns.values()))
    path.write_bytes(text.encode(encoding))
    try:
        file = open_leads(path, LeadOptions(ColumnOptions(unknown=UnknownColumns.ATTRIBUTES)))
    except CommandError as refused:
        assert "both mean attributes." in str(refused)  # noqa: PT017
        return
    (lead,) = leads(file)
    found = texts_of(lead.arrival.values)
    assert {unicodedata.normalize("NFC", cell) for cell in cells.values()} <= set(found)
    assert {"a@p.example", "Bo", "Li", "maybe"} <= set(found)


def test_json_over_several_lines_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "leads.json"
    for text in ('[\n{"email": "a@p.example"}\n]', '{\n"email": "a@p.example"\n}'):
        path.write_text(text)
        with pytest.raises(CommandError, match="one object per line"):
            open_leads(path, LeadOptions())


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
    assert fields_of(columns, ColumnOptions(mapped, unknown=UnknownColumns.ATTRIBUTES)).fields == {
        "E-Mail": "crm.lead_id",
        "Land": "country",
        "Firma": "company",
        "Größe (m²)": "attributes.Größe_m²",
    }
    assert fields_of(["Mail 2"], ColumnOptions({"email": "Mail 2"})).fields == {"Mail 2": "email"}
    header = "Wie viele, ungefähr?"
    assert read_mapping([f"{header}=employees,PLZ=postal_code"], None) == {
        header: "employees",
        "PLZ": "postal_code",
    }
    assert read_mapping([f"employees={header}"], None) == {"employees": header}
    assert read_mapping(['"a=b, ""c"""=title,d=-'], None) == {'a=b, "c"': "title", "d": "-"}
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
    row = next(csv.DictReader(out.read_text().splitlines()))
    assert (row["line"], row["outcome"], row["queue"], row["email"]) == (
        "2",
        "queued",
        "q",
        "a@people.example",
    )
    assert row["reason"].endswith("it waits in queue q.")
    assert all(row[name] for name in ("lead_id", "assignment_id", "decided_at"))
    file.write_text(file.read_text() + ";\n;C\nc;C;C\n")
    done = shell.run("assign", str(file), "--workspace", "acme", "--trigger", "webinar")
    assert done.returncode == 1
    assert "3 decided" in done.stdout
    assert "line 6: has 3 cells for 2 columns" in done.stdout
    assert "OK" in shell.says("verify")
    assert "Unknown trigger" in shell.refuses("assign", str(file), "--workspace", "acme", "--trigger", "?")
    assert "'Firma'" in shell.refuses("assign", str(file), "--workspace", "acme", "--map", "Frima=company")


def test_times_without_an_offset_are_in_the_zone_of_the_workspace(tmp_path: Path) -> None:
    path = tmp_path / "fair.csv"
    path.write_text(
        "email,When,Submit Date (UTC),last_purchase_at\n"
        "a@kunde.example,20.11.2026 09:00,2026-11-20 09:00,2026-11-01 00:30\n"
        "b@kunde.example,2026-11-20T09:00:00+02:00,20.11.2026 09:00,2026-11-01\n"
    )
    columns = ColumnOptions(unknown=UnknownColumns.ATTRIBUTES)
    berlin = LeadOptions(columns=columns, time_column="When", zone=ZoneInfo("Europe/Berlin"))
    file = open_leads(path, berlin)
    first, second = leads(file)
    assert first.at == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert second.at == datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert first.arrival.values["last_purchase_at"] == datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    assert second.arrival.values["last_purchase_at"] == datetime(2026, 11, 1, tzinfo=UTC)
    assert "Europe/Berlin, the time zone of the workspace" in " ".join(file.notes())
    file = open_leads(path, replace(berlin, time_column="Submit Date (UTC)"))
    assert [lead.at for lead in leads(file)] == [datetime(2026, 11, 20, 9, tzinfo=UTC)] * 2
    assert "time zone" not in " ".join(file.notes())
