"""`/spend`: what campaigns cost by day."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.shell import Shell
from tests.support.workspace import Filled, Workspace, open_filled


def row(campaign: str = "autumn", day: str = "2030-11-18", currency: str = "EUR", amount: Any = 10) -> Any:
    return {"campaign": campaign, "day": day, "currency": currency, "amount": amount}


async def put(workspace: Workspace, *rows: Any) -> dict[str, Any]:
    answer = await workspace.client.put("/spend", json={"rows": list(rows)})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_same_key_replaces(workspace: Workspace) -> None:
    first = await put(workspace, row(amount=10), row(day="2030-11-19", amount="20.50"))
    assert (first["rows"], first["created"], first["replaced"]) == (2, 2, 0)
    again = await put(workspace, row(amount=12.25), row(currency="USD", amount=7))
    assert (again["rows"], again["created"], again["replaced"]) == (2, 1, 1)
    listed = await workspace.get("/spend")
    assert listed["items"] == [
        row(amount=12.25),
        row(currency="USD", amount=7.0),
        row(day="2030-11-19", amount=20.5),
    ]


async def test_campaigns_that_no_lead_names_are_listed(workspace: Workspace) -> None:
    await workspace.assign(email="a@people.example", campaign="autumn")
    await workspace.assign(email="b@people.example", utm={"utm_campaign": "spring"})
    told = await put(workspace, row(), row(campaign="spring"), row(campaign="Autum"))
    assert told["campaigns_without_leads"] == ["Autum"]


async def test_pages_and_periods_follow_the_days(workspace: Workspace) -> None:
    await put(workspace, *(row(day=f"2030-11-{day}", campaign=name) for day in (18, 19, 20) for name in "ab"))
    seen: list[tuple[str, str]] = []
    after: str | None = ""
    while after is not None:
        page = await workspace.get(f"/spend?limit=2&from=2030-11-18&to=2030-11-20&after={after}")
        seen += [(each["day"], each["campaign"]) for each in page["items"]]
        after = page["next"]
    assert seen == [(f"2030-11-{day}", name) for day in (18, 19) for name in "ab"]


async def test_rows_are_deleted_by_campaign_and_days(workspace: Workspace) -> None:
    await put(workspace, *(row(day=f"2030-11-{day}") for day in (18, 19, 20)), row(campaign="other"))
    query = "campaign=autumn&from=2030-11-18&to=2030-11-20"
    gone = await workspace.client.delete(f"/spend?{query}")
    assert gone.json() == {"deleted": 2}
    left = await workspace.get("/spend")
    assert [each["campaign"] for each in left["items"]] == ["other", "autumn"]


@pytest.mark.parametrize(
    ("sent", "path", "code"),
    [
        ({"rows": []}, "rows", "too_few_items"),
        ({}, "rows", "required"),
        ({"rows": [row(amount=-1)]}, "rows[0].amount", "out_of_range"),
        ({"rows": [row(amount="ten")]}, "rows[0].amount", "wrong_type"),
        ({"rows": [row(amount=True)]}, "rows[0].amount", "wrong_type"),
        ({"rows": [row(amount="NaN")]}, "rows[0].amount", "out_of_range"),
        ({"rows": [row(), row(currency="euro")]}, "rows[1].currency", "invalid_format"),
        ({"rows": [row(day="2030-11-31")]}, "rows[0].day", "invalid_date"),
        ({"rows": [row(campaign=" ")]}, "rows[0].campaign", "too_short"),
        ({"rows": [{**row(), "channel": "x"}]}, "rows[0].channel", "unknown_field"),
        ({"rows": [row(), row(amount=2)]}, "rows", "duplicate_key"),
    ],
)
async def test_faults_name_their_place(workspace: Workspace, sent: Any, path: str, code: str) -> None:
    answer = await workspace.client.put("/spend", json=sent)
    assert answer.status_code == 422
    assert [(each["path"], each["code"]) for each in answer.json()["errors"]] == [(path, code)]
    assert (await workspace.get("/spend"))["items"] == []


async def test_file_is_uploaded_and_uploaded_again(filled: Filled, tmp_path: Path) -> None:
    shell = Shell(tmp_path, DATABASE_URL=filled.dsn)
    file = tmp_path / "ads.csv"
    file.write_text("Campaign;Date;Cost;Clicks\nautumn;2030-11-18;12,50;3\nspring;2030-11-18;4;1\n")
    assert "2 created, 0 replaced" in shell.says("spend", "import", str(file), "--currency", "EUR")
    assert "0 created, 2 replaced" in shell.says("spend", "import", str(file), "--currency", "EUR")


async def test_currency_in_the_heading_counts(filled: Filled, tmp_path: Path) -> None:
    shell = Shell(tmp_path, DATABASE_URL=filled.dsn)
    file = tmp_path / "ads.csv"
    file.write_text("Campaign name,Day,Amount spent (EUR),Impressions\nautumn,2030-11-18,12.50,900\n")
    assert "1 created, 0 replaced" in shell.says("spend", "import", str(file))
    assert "0 created, 1 replaced" in shell.says("spend", "import", str(file), "--currency", "USD")


def test_file_with_a_fault_writes_nothing(filled: Filled, tmp_path: Path) -> None:
    shell = Shell(tmp_path, DATABASE_URL=filled.dsn)
    file = tmp_path / "ads.csv"
    file.write_text("campaign,day,currency,amount\nautumn,2030-11-18,EUR,1\nspring,18.11.30,EUR,1\n")
    refused = shell.run("spend", "import", str(file))
    assert refused.returncode == 1
    assert "line 3: day must be a date" in refused.stderr


@pytest.mark.parametrize(
    ("sep", "written", "options", "amount"),
    [
        (",", '"1,234.50"', (), 1234.5),
        (";", "1.234,50", (), 1234.5),
        (";", "12,5", (), 12.5),
        (";", "1 234 567,89", (), 1234567.89),
        (";", "1'234.5", (), 1234.5),
        (",", "12.345", ("--decimal", "point"), 12.345),
        (";", "12,345", ("--decimal", "comma"), 12.345),
        (",", "12.345", (), 12345),
    ],
)
async def test_amounts_are_read_as_numbers_of_leads(
    filled: Filled, tmp_path: Path, sep: str, written: str, options: tuple[str, ...], amount: float
) -> None:
    file = tmp_path / "costs.csv"
    file.write_text(f"campaign{sep}day{sep}currency{sep}cost\nautumn{sep}2030-11-18{sep}EUR{sep}{written}\n")
    shell = Shell(tmp_path, DATABASE_URL=filled.dsn)
    told = shell.run("spend", "import", str(file), *options)
    assert told.returncode == 0, told.stderr
    assert ("say --decimal" in told.stderr) == (written == "12.345" and not options)
    async with open_filled(filled, no_worker=True) as workspace:
        assert [each["amount"] for each in (await workspace.get("/spend"))["items"]] == [amount]


@pytest.mark.parametrize("written", ["1.2k", "€5", "1-10", "1.2.3,4", "-5"])
def test_amount_that_is_no_plain_number_is_refused(filled: Filled, tmp_path: Path, written: str) -> None:
    file = tmp_path / "costs.csv"
    file.write_text(f"campaign;day;currency;cost\nautumn;2030-11-18;EUR;{written}\n")
    told = Shell(tmp_path, DATABASE_URL=filled.dsn).run("spend", "import", str(file))
    assert told.returncode != 0
    assert "amount" in told.stderr
