"""The rows of a table in three kinds of body, and the errors of each."""

import orjson
import pytest

from app.contract.faults import problem_document
from app.contract.table_formats import read_table
from app.errors import Problem

CSV = """country,postal_code,owner,team,priority,skills,languages
US,021,ana,,5,,
us,9,,dach,,enterprise;x,"de; en"

*,,,inbound,,,
"""
LINES = [
    {"country": "US", "postal_code": "021", "owner": "ana", "priority": 5},
    {
        "country": "us",
        "postal_code": "9",
        "team": "dach",
        "skills": ["enterprise", "x"],
        "languages": ["de", "en"],
    },
    {"country": "*", "team": "inbound"},
]
ROWS = [
    ["US", "021", {"owner": "ana", "priority": 5}],
    ["us", "9", {"team": "dach", "skills": ["enterprise", "x"], "languages": ["de", "en"]}],
    ["*", None, {"team": "inbound"}],
]


def lines(*items: object) -> bytes:
    return b"\n".join(map(orjson.dumps, items))


def refused(body: bytes, media: str) -> list[tuple[str, str]]:
    """The paths and codes of the faults."""
    with pytest.raises(Problem) as returned:
        read_table(body, media)
    return [(each["path"], each["code"]) for each in problem_document(returned.value)["errors"]]


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (orjson.dumps({"columns": ["country", "postal_code"], "rows": ROWS}), "application/json"),
        (CSV.encode(), "text/csv"),
        (("\ufeff" + CSV.replace("\n", "\r\n")).encode(), "text/csv"),
        (lines(*LINES), "application/x-ndjson"),
        (lines({"columns": ["country", "postal_code"]}, *ROWS) + b"\n\n", "application/x-ndjson"),
        (lines(LINES[0], *ROWS[1:]), "application/ndjson"),
    ],
)
def test_every_kind_of_body_creates_the_same_table(body: bytes, media: str) -> None:
    table = read_table(body, media)
    assert table.columns == ["country", "postal_code"]
    assert [[*cells, table.targets[target]] for *cells, target in table.rows] == ROWS


def test_equal_targets_are_stored_once() -> None:
    table = read_table(b"country,owner\nDE,ana\nFR,ben\nAT,ana\n", "text/csv")
    assert table.targets == [{"owner": "ana"}, {"owner": "ben"}]
    assert table.rows == [["DE", 0], ["FR", 1], ["AT", 0]]


DOCUMENTS: list[tuple[object, str, str]] = [
    ([], "", "wrong_type"),
    ({"columns": ["country"]}, "rows", "required"),
    ({"columns": ["country"], "rows": [], "more": 1}, "more", "unknown_field"),
    ({"columns": [], "rows": []}, "columns", "wrong_type"),
    ({"columns": ["country", "country"], "rows": []}, "columns[1]", "duplicate_key"),
    ({"columns": ["team"], "rows": []}, "columns[0]", "reserved_name"),
    ({"columns": ["country"], "rows": [["DE", {"team": "a"}], ["DE"]]}, "rows[1]", "wrong_type"),
    ({"columns": ["country"], "rows": [["DE", "a"]]}, "rows[0][1]", "wrong_type"),
    ({"columns": ["country"], "rows": [["DE", {"team": 5}]]}, "rows[0][1].team", "wrong_type"),
    ({"columns": ["country"], "rows": [["DE", {"teem": "a"}]]}, "rows[0][1].teem", "unknown_field"),
    ({"columns": ["country"], "rows": [["DE", {}]]}, "rows[0][1]", "exactly_one"),
    (
        {"columns": ["country"], "rows": [["DE", {"team": "a", "else": [{}]}]]},
        "rows[0][1].else[0]",
        "exactly_one",
    ),
    ({"columns": ["country"], "rows": [[{}, {"team": "a"}]]}, "rows[0][0]", "wrong_type"),
    ({"columns": ["country"], "rows": [["x" * 256, {"team": "a"}]]}, "rows[0][0]", "wrong_type"),
    ({"columns": ["country"], "rows": [[[1, 2, 3], {"team": "a"}]]}, "rows[0][0]", "wrong_type"),
]


@pytest.mark.parametrize(("body", "path", "code"), DOCUMENTS)
def test_an_invalid_table_is_refused_with_its_place(body: object, path: str, code: str) -> None:
    assert (path, code) in refused(orjson.dumps(body), "application/json")


TEXTS: list[tuple[bytes, str, str, str]] = [
    (b"country,owner\nDE,ana\nDE\n", "text/csv", "lines[3]", "wrong_type"),
    (b"country,owner\nDE,ana\nDE,\n", "text/csv", "lines[3]", "exactly_one"),
    (b"country,owner,priority\nDE,ana,high\n", "text/csv", "lines[2].priority", "wrong_type"),
    (b'country,owner\n"DE,ana\n', "text/csv", "lines[2]", "invalid_format"),
    (b"owner\nana\n", "text/csv", "lines[1]", "wrong_type"),
    (b"country,country,owner\nDE,DE,ana\n", "text/csv", "lines[1][1]", "duplicate_key"),
    (b"\xff\xfe", "text/csv", "", "not_utf8"),
    (b'{"country":"DE","owner":"ana"}\n\n{"country":', "application/x-ndjson", "lines[3]", "malformed_json"),
    (b'["DE",{"owner":"ana"}]', "application/x-ndjson", "lines[1]", "required"),
    (
        b'{"country":"DE","owner":"ana"}\n{"contry":"DE","owner":"ana"}',
        "application/x-ndjson",
        "lines[2].contry",
        "unknown_field",
    ),
    (b"", "application/x-ndjson", "", "required"),
]


@pytest.mark.parametrize(("body", "media", "path", "code"), TEXTS)
def test_invalid_lines_are_refused_with_their_number(body: bytes, media: str, path: str, code: str) -> None:
    assert (path, code) in refused(body, media)


def test_a_table_has_a_maximum_of_rows() -> None:
    assert refused(b"country,owner\n" + b"DE,ana\n" * 100_001, "text/csv") == [("rows", "too_many_items")]


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (orjson.dumps({"columns": ["country"], "rows": [["DE", {"team": "dach"}], *[["DE"]] * 500]}), "json"),
        (orjson.dumps({"columns": ["country"], "rows": [[{}, {"team": "dach"}]] * 500}), "json"),
        (orjson.dumps({"columns": ["country"], "rows": [["DE", {"team": 1}]] * 500}), "json"),
        (b"country,team\n" + b"DE\n" * 500, "csv"),
        (b'{"country": "DE", "team": "dach"}\n' + b'{"town": "Bonn", "team": "dach"}\n' * 500, "lines"),
    ],
)
def test_a_table_of_which_every_row_is_wrong_gets_no_more_than_the_first_faults(
    body: bytes, media: str
) -> None:
    kinds = {"json": "application/json", "csv": "text/csv", "lines": "application/x-ndjson"}
    with pytest.raises(Problem) as refused:
        read_table(body, kinds[media])
    assert len(refused.value.faults) == 100
