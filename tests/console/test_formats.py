"""How values read in pages."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.api.http.auth import Caller
from app.console import formats, report_tables, words
from app.console.addresses import local_path, path_of
from app.console.viewer import Viewer


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (formats.duration(0), "0 s"),
        (formats.duration(59.6), "1 min"),
        (formats.duration(3599), "59 min"),
        (formats.duration(3600), "1 h"),
        (formats.duration(12_000), "3 h 20 min"),
        (formats.duration(timedelta(days=2, hours=4, minutes=59)), "2 d 4 h"),
        (formats.duration(-90), "−1 min"),
        (formats.duration(None), "–"),
        (formats.number(1234567), "1,234,567"),
        (formats.number(0.5, 2), "0.50"),
        (formats.number(None), "–"),
        (formats.percent(0.375), "38 %"),
        (formats.percent(None), "–"),
        (formats.points(0.393), "+39.3 points"),
        (formats.points(-0.05), "−5.0 points"),
        (words.method("mantel_haenszel_exact"), "Mantel-Haenszel test, exact"),
        (words.step("not_reached"), "An earlier step settled it."),
        (words.step("score"), "The target of the lead's band settled it."),
        (
            words.failed({"field": "attributes.chargebacks", "operator": "gte"}),
            "attribute chargebacks is missing, or is below the limit of the step.",
        ),
        (report_tables.worded("`due_by_weight` and `team`"), "“Due by weight” and <code>team</code>"),
        (words.no_actions("no_matching_block"), "No block of the follow-up matches this decision."),
        (words.no_actions("junk"), "The lead was blocked as junk, so nothing contacts it."),
        (words.no_actions(None), "The plan has none for this decision."),
        (words.shown_fields({"utm": {"source": "news"}})[0][0], "UTM"),
        (formats.counted(1, "lead"), "1 lead"),
        (formats.counted(2000, "lead waits", "leads wait"), "2,000 leads wait"),
        (formats.ticked("queue `<b>` of `x`"), "queue <code>&lt;b&gt;</code> of <code>x</code>"),
    ],
)
def test_value_reads_as_people_write_it(made: object, text: str) -> None:
    assert str(made) == text


def test_time_is_in_the_zone_of_the_viewer_and_says_that_of_the_workspace() -> None:
    zones = SimpleNamespace(zone=ZoneInfo("America/New_York"), workspace_zone=ZoneInfo("Europe/Berlin"))
    context: Any = {"viewer": zones}
    at = datetime(2026, 7, 1, 2, 5, tzinfo=UTC)
    assert formats.time(context, at) == (
        '<time datetime="2026-07-01T04:05:00+02:00" title="1 Jul 2026, 04:05:00 Europe/Berlin">'
        "30 Jun 2026, 22:05</time>"
    )
    assert ">22:05</time>" in formats.time(context, at, "clock")
    assert formats.time(context, None) == "–"


def test_times_in_a_sentence_are_in_the_zone_of_the_viewer() -> None:
    zones = SimpleNamespace(zone=ZoneInfo("America/New_York"), workspace_zone=ZoneInfo("UTC"))
    context: Any = {"viewer": zones}
    told = formats.sentence(context, "<b> Held until 2026-07-01 02:05 UTC because 2026-99-99 02:05 UTC.")
    assert told.startswith("&lt;b&gt; Held until <time ")
    assert ">30 Jun 2026, 22:05</time> because 2026-99-99 02:05 UTC." in told
    assert "9999-12-31 23:59 UTC" in formats.sentence(
        {"viewer": SimpleNamespace(zone=ZoneInfo("Asia/Tokyo"), workspace_zone=ZoneInfo("UTC"))},  # type: ignore[arg-type]
        "Held until 9999-12-31 23:59 UTC.",
    )


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/console/today", "/console/today"),
        ("/console/reports/sla?by=lead&owner=a%20b", "/console/reports/sla?by=lead&owner=a%20b"),
        ("/console", "/console"),
        ("/console/sign-in", "/console"),
        ("/console/link/1.x", "/console"),
        ("//far.example/console", "/console"),
        ("/consoleX", "/console"),
        ("/console/../assign", "/console"),
        ("/console/%2e%2e/assign", "/console"),
        ("/console/%5c..%5cassign", "/console"),
        ("/console/%73ign-in", "/console"),
        ("/console\n/x", "/console"),
        ("https://far.example", "/console"),
        (None, "/console"),
        ("/console/" + "a" * 3000, "/console"),
    ],
)
def test_way_back_leads_to_a_page_of_the_console_only(text: str | None, path: str) -> None:
    assert local_path(text) == path


def test_way_back_of_a_part_is_the_path_of_its_page() -> None:
    assert path_of("https://leads.example/console/today?x=1") == "/console/today?x=1"
    assert path_of("https://leads.example/assign") == path_of(None) == "/console"


@pytest.mark.parametrize(
    ("scopes", "text"),
    [
        ({"reports"}, '<code>x &lt; 1</code>, and the report <a href="/console/reports/sla">SLA</a>'),
        ({"claim"}, "<code>x &lt; 1</code>, and the report <code>sla</code>"),
    ],
)
def test_report_that_may_be_asked_is_a_link(scopes: set[str], text: str) -> None:
    zone = ZoneInfo("UTC")
    viewer = Viewer(Caller(1, "key", frozenset(scopes)), "main", "key", zone, zone, "")
    assert report_tables.with_reports("`x < 1`, and the report `sla`", viewer) == text
