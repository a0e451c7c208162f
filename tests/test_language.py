"""The text of the product is plain US English: owners are "they", and no word is archaic."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = (
    "app", "devtools", "docs", "examples", "lead_assignment", "migrations", "README.md", "CONTRIBUTING.md",
    "CHANGELOG.md",
)  # fmt: skip
SUFFIXES = {".py", ".md", ".json", ".yaml", ".toml", ".html", ".csv", ".sql"}

GENDERED = {
    "he, him, himself, she, herself": r"he|him|himself|she|herself",
    "his, her, hers": r"his|her|hers",
}
BRITISH = {
    "-ise, -isation": (
        r"(?:anal|author|categor|custom|final|general|initial|local|maxim|memor|minim|normal|optim|organ"
        r"|parameter|penal|prior|random|real|recogn|serial|deserial|specif|standard|summar|synchron|util"
        r")[iy]s(?:e|es|ed|er|ers|ing|ation|ations)"
    ),
    "-lled, -lling": r"(?:cancel|fuel|label|level|mark?et|model|signal|total|travel)l(?:ed|ing|er|ers)",
    "-our": r"(?:behavi|col|fav|hon|lab|neighb)our(?:s|ed|ing|able|ably|ite|ites|al|hood)?",
    "-re, -ce, -ogue": r"centre|centres|licence|licences|defence|offence|catalogue|catalogues|dialogue",
    "other": r"whilst|amongst|fulfil|fulfils|grey|judgement|learnt|spelt",
}
ARCHAIC = {
    "mend": r"mend|mends|mended|mending",
    "bear (carry)": r"bears|borne|bore",
    "befall": r"befall|befalls|befell|befallen",
    "anew, naught, lest": r"anew|naught|nought|lest|ere|oft",
    "here-, there-, where-": r"hereby|hereof|hitherto|thereof|thereto|therein|thither|whither|whereof|whence",
    "whom, whoever": r"whom|whoever|whomsoever|whosoever",
}
RULES = {**GENDERED, **BRITISH, **ARCHAIC}

ALLOWED = re.compile(
    r"asyncio\.CancelledError|CancelledError|\.cancelled\b|\bcancelled\(\)"  # names of the standard library
    r"|organization, organisation"  # a heading that a file may have
    r"|https?://\S+"  # addresses belong to others
    r"|\bmt he ar\b|\"he\""  # codes of languages: `he` is Hebrew
)


@cache
def lines() -> list[tuple[str, str]]:
    """Each line that a reader may meet, with its place."""
    return list(_texts())


def _texts() -> Iterator[tuple[str, str]]:
    for place in map(ROOT.joinpath, PLACES):
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.suffix in SUFFIXES and "data" not in path.relative_to(ROOT).parts:
                shown = path.relative_to(ROOT)
                for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                    yield f"{shown}:{number}", ALLOWED.sub("", line)


@pytest.mark.parametrize("rule", RULES)
def test_no_line_holds_a_word_of(rule: str) -> None:
    word = re.compile(rf"(?<![\w@])(?:{RULES[rule]})(?![\w@])", re.IGNORECASE)
    found = [f"{place}: {match[0]}" for place, line in lines() for match in word.finditer(line)]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("When he is free, the lead waits for him.", "he, him, himself, she, herself"),
        ("The owner and their lead, and her history", "his, her, hers"),
        ("a normalised value", "-ise, -isation"),
        ("it was cancelled", "-lled, -lling"),
        ("its behaviour", "-our"),
        ("the licence", "-re, -ce, -ogue"),
        ("mend the plan", "mend"),
        ("decided anew", "anew, naught, lest"),
    ],
)
def test_each_rule_finds_its_word(line: str, rule: str) -> None:
    assert re.search(rf"(?<![\w@])(?:{RULES[rule]})(?![\w@])", line, re.IGNORECASE)
