"""Charts are well-formed SVG that shows each number, and nothing of what others wrote as markup."""

import xml.etree.ElementTree as ET

import pytest

from app.reports.charts import LABEL, VALUE, WIDTH, Bars, bar_chart, number_text

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> tuple[list[str], list[float]]:
    """The texts, and the widths of the bars."""
    root = ET.fromstring(svg)
    texts = [each.text or "" for each in root.iter(f"{SVG}text")]
    return texts, [float(each.attrib["width"]) for each in root.iter(f"{SVG}rect")]


def test_bars_are_as_long_as_their_values() -> None:
    room = WIDTH - LABEL - VALUE
    texts, widths = drawn(
        bar_chart("Leads", ["leads"], [Bars("W48", [4]), Bars("W49", [1]), Bars("W50", [None])])
    )
    assert widths == [room, room / 4, 0]
    assert texts == ["W48", "4", "W49", "1", "W50", "–"]


def test_two_series_have_a_legend() -> None:
    texts, widths = drawn(bar_chart("Shares", ["due", "received"], [Bars("ana", [3, 1.5])]))
    assert texts == ["due", "received", "ana", "3", "1.5"]
    assert len(widths) == 4


def test_labels_are_text_and_never_markup() -> None:
    svg = bar_chart("<script>", ["x"], [Bars('<b>"&', [0]), Bars("a" * 50, [0])])
    assert "<script>" not in svg
    assert "style=" not in svg
    texts, widths = drawn(svg)
    assert texts[0] == '<b>"&'
    assert texts[2] == "a" * 27 + "…"
    assert widths == [0, 0]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234, "1,234"), (0.5, "0.5"), (216.666, "216.67"), (1000000.0, "1,000,000")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number_text(value) == text
