"""The floors that `make quality` prints hold."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from bench.quality.__main__ import ALL
from bench.quality.companies import Directory, companies
from bench.quality.measures import Measure, measure
from bench.quality.variants import KINDS, variants

FEWER: dict[str, Callable[[], Iterator[Measure]]] = {**ALL, "companies": partial(companies, step=9)}


@pytest.mark.parametrize("name", FEWER)
def test_floors_of_the_quality_page_hold(name: str) -> None:
    measures = [each for each in FEWER[name]() if each.reached is not None]
    assert measures
    assert [f"{each.what}: {each.precision}; {each.recall}" for each in measures if not each.reached] == []


def test_precision_counts_answers_and_recall_counts_what_has_one() -> None:
    found = measure("", [("a", "a"), ("a", "b"), ("a", None), (None, "b"), (None, None)], 0.5)
    assert (found.size, found.precision.value, found.recall.value) == (5, 1 / 3, 1 / 3)
    assert (found.reached, found.goal) == (False, "precision 50 %")
    assert measure("", [(None, None)]).precision.value is None


def test_variants_are_the_same_for_the_same_seed() -> None:
    once = list(variants("Marathon Oil & Gas Company", 7))
    assert once == list(variants("Marathon Oil & Gas Company", 7))
    assert [kind for kind, _ in once] == list(KINDS)


def test_directory_of_the_measurement_finds_nothing_for_strangers() -> None:
    directory = Directory({"1": "Marathon Oil", "2": "Marathon Petroleum"})
    assert directory.match("Marathon Oil Corp.") == "1"
    assert directory.match("Umbrella Repairs Inc.") is None
