"""The text of a plan as plain data."""

import pytest

from app.plan.findings import Finding
from app.plan.reader.read import load_plan


def data(text: str | bytes) -> dict[str, object]:
    loaded = load_plan(text)
    assert isinstance(loaded, dict), loaded
    return loaded


def refused(source: str | bytes | dict[str, object]) -> Finding:
    loaded = load_plan(source)
    assert isinstance(loaded, list)
    return loaded[0]


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("True", "True"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("Null", "Null"),
        ("2026-11-20", "2026-11-20"),
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"),
        ("5", 5),
        ("-5", -5),
        ("0", 0),
        ("+49", "+49"),
        ("0123", "0123"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", ".5"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("12345678901234567890", "12345678901234567890"),
        ('"5"', "5"),
        ("'true'", "true"),
        ("'null'", "null"),
        ("<<", "<<"),
    ],
)
def test_yaml_scalar_is_read_without_surprises(scalar: str, expected: object) -> None:
    value = data(f"a: {scalar}\n")["a"]
    assert value == expected
    assert type(value) is type(expected)


def test_json_and_yaml_of_one_plan_are_equal() -> None:
    assert data('{"a": [1, true, null, "NO", {"b": 1.5}], "ü": "\\ud83d\\ude00"}') == data(
        "a: [1, true, null, NO, {b: 1.5}]\nü: 😀\n"
    )


def test_keys_are_strings_and_flow_mappings_need_no_quotes() -> None:
    assert data("{1: a, true: b, NO: c}") == {"1": "a", "true": "b", "NO": "c"}


def test_byte_order_mark_is_ignored() -> None:
    assert data(b"\xef\xbb\xbfa: 1") == {"a": 1}


@pytest.mark.parametrize(
    ("source", "code", "path"),
    [
        ("a: 1\na: 2", "duplicate_key", "a"),
        ("a: {b: [{c: 1}, {d: 1, d: 2}]}", "duplicate_key", "a.b[1].d"),
        ('{"a": {"b": 1, "b": 1}}', "duplicate_key", "a.b"),
        ('{"a": [{}, {"b": 1, "b": 1}]}', "duplicate_key", "a[1].b"),
        ("a: &x [1]\nb: *x", "yaml_alias", "a"),
        ("a: !!python/object:os.system 1", "yaml_alias", "a"),
        ("a: !!str 1", "yaml_alias", "a"),
        ("a: [1", "invalid_syntax", ""),
        ('{"a": 1', "invalid_syntax", ""),
        ("a: 1\n---\nb: 1", "invalid_syntax", ""),
        ("a: \x07", "invalid_syntax", ""),
        ("? [1]\n: 2", "wrong_type", ""),
        ("- 1", "wrong_type", ""),
        ("", "wrong_type", ""),
        ("plain", "wrong_type", ""),
        (b"a: \xff", "not_utf8", ""),
        ("a: \ud800", "invalid_text", ""),
        ('{"a": "\\ud800"}', "invalid_text", "a"),
        ('{"a": ["\\u0000"]}', "invalid_text", "a[0]"),
        ('{"a": NaN}', "out_of_range", ""),
        ('{"a": 1e999}', "out_of_range", "a"),
        ('{"a": ' + "9" * 5_000 + "}", "out_of_range", ""),
        ("a: " + "[" * 40 + "]" * 40, "too_deep", "a" + "[0]" * 32),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", "too_deep", "a" + "[0]" * 32),
        ("a: " + "[" * 100_000, "too_deep", "a" + "[0]" * 32),
        ('{"a":' + "[" * 100_000, "too_deep", "a" + "[0]" * 32),
        ("a: " + "x" * (4 << 20), "too_large", ""),
        ("a: " + "ü" * 2_200_000, "too_large", ""),
        ({"a": object()}, "wrong_type", "a"),
        ({"a": float("nan")}, "out_of_range", "a"),
    ],
)
def test_invalid_text_is_rejected_at_its_path(
    source: str | bytes | dict[str, object], code: str, path: str
) -> None:
    finding = refused(source)
    assert (finding.code, finding.path) == (code, path)


def test_syntax_error_names_line_and_column() -> None:
    assert "line 2, column 2" in refused("a: [1\nb: 2").text
