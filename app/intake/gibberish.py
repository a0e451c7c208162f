"""Names that nobody has: runs of keys, one letter again and again, addresses, words of tests, consonants.

Names are written in many ways, so every rule leaves in doubt what some language writes: three letters in a
row, no vowel at all, one letter alone, scripts without letters for sounds.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

_ADDRESS = re.compile(
    r"://|\bwww\.|[a-z0-9-]{2,}\.(?:com|net|org|ru|info|biz|xyz|top|shop|online|site|club|example)\b", re.I
)
_WORDS = re.compile(r"[^\W\d_]+")
_AGAIN = re.compile(r"([^\W\d_])\1{3,}")
_ONE_LETTER = re.compile(r"([^\W\d_])\1{2,}")
_SYLLABLE = re.compile(r"(..|...)\1{2,}")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "йцукен", "фывап")
_RUN = 4
_IN_NAMES = frozenset(("wert", "erty", "ertz", "azer", "zert", "укен"))
"""Neighbors on a keyboard that names have too, such as Ewert, Hertz and Laverty."""
_SHORT_RUNS = frozenset("asd asdf qwe zxc yxc jkl dfg fgh hjk qaz wsx фыв йцу".split())  # noqa: SIM905
_TEST_WORDS = """
test tests tester testing testtest testname testuser testlead testen testperson essai teste testes prueba
pruebas prova тест тестовый тестирование 测试 測試 テスト 테스트 اختبار δοκιμή blabla blah foobar
"""
_WORDS_BESIDE = "user lead name nachname vorname account contact person one two mr mrs the a"
_TEST, _BESIDE_TEST = frozenset(_TEST_WORDS.split()), frozenset(_WORDS_BESIDE.split())
_DIGRAPHS = re.compile(r"tsch|sch|ch|sh|th|ph|kh|zh|gh|sz|cz|rz|dz|ck|ng|qu|([bcdfghjklmnpqrstvwxz])\1")
_HOME_ROW = re.compile(r"[sdfghjkl]{5,}")
_CHUNKS = re.compile(r"(...)\1+")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]+")
_RARE = re.compile(
    r"[qx][bcdfghjklmnprstvwz]|[bcdfghjklmpvwz][qx]|j[bcdfgpqtvwxz]|[bcfghjkpqtvwxz]j|v[bcfghjkmpqwxz]|w[qxjvz]"
    r"|[bcdfgjkpqvx]w|z[bcdfgjpqx]|[bcdfgjkpqvwx]z|f[bcdghjkmpqvwxz]|[bcdghjkpqtvwxz]f|[gkpbd][bcdfgjkpqtvx]"
)
_SOUP = 5
"""So many consonants in a row are no name's, if some of their pairs are rare."""


def is_gibberish(names: Iterable[str]) -> bool:
    """Whether nobody is called so. `names` are the parts of one name."""
    if any("." in name and _ADDRESS.search(name) for name in names):
        return True
    return _says_test(names) or any(map(_is_gibberish, names))


def gibberish_in(values: Mapping[str, Any]) -> bool:
    """Whether the name of a lead is one that nobody has."""
    names = [name for part in ("first_name", "last_name") if isinstance(name := values.get(part), str)]
    return bool(names) and is_gibberish(names)


def _says_test(names: Iterable[str]) -> bool:
    """Whether the name has a word of tests, and no other word."""
    words = [word for name in names for word in _WORDS.findall(name.casefold())]
    return not _TEST.isdisjoint(words) and all(word in _TEST or word in _BESIDE_TEST for word in words)


@lru_cache(maxsize=4096)
def _is_gibberish(name: str) -> bool:
    return any(_is_no_word(_plain(word)) for word in _WORDS.findall(name.casefold()))


def _plain(word: str) -> str:
    """The word without accents."""
    if word.isascii():
        return word
    return "".join(each for each in unicodedata.normalize("NFKD", word) if not unicodedata.combining(each))


def _is_no_word(word: str) -> bool:
    if word in _SHORT_RUNS or _AGAIN.search(word) or _ONE_LETTER.fullmatch(word) or _SYLLABLE.fullmatch(word):
        return True
    chunk = _CHUNKS.fullmatch(word)
    if _HOME_ROW.fullmatch(word) or (chunk is not None and chunk[1] in _SHORT_RUNS):
        return True
    return _is_run(word) or (word.isascii() and _is_soup(word))


def _runs() -> frozenset[str]:
    both = (*_ROWS, *(row[::-1] for row in _ROWS))
    found = {row[at : at + _RUN] for row in both for at in range(len(row) - _RUN + 1)}
    return frozenset(found - _IN_NAMES - {run[::-1] for run in _IN_NAMES})


_KEYS = _runs()


def _is_run(word: str) -> bool:
    return any(word[at : at + _RUN] in _KEYS for at in range(len(word) - _RUN + 1))


def _is_soup(word: str) -> bool:
    """Whether so many consonants stand together that no language writes a name so.

    Letters that write one sound count once. l and r between others may be a syllable, and y is a vowel.
    """
    sounds = _DIGRAPHS.sub("n", word)
    longest = max(_CONSONANTS.findall(sounds), key=len, default="")
    rare = len(_RARE.findall(longest))
    return (len(longest) >= _SOUP and rare >= 2) or (len(longest) >= 8 and rare >= 1)
