"""`python -m bench.plan_check`: what it costs to check the order of 1,000 rules, by the kind of conditions.

The ratio compares it with reading the same plan, which every check does first.
"""

import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from app.plan.document.plan import PlanDocument
from app.plan.reader.read import read_plan
from app.plan_check.rule_order import order_findings

RULES = 1_000
RUNS = 3
COUNTRIES = [first + second for first in "ABCDEF" for second in "KLMNOP"]


def _any(number: int) -> dict[str, Any]:
    branches = [
        {"source": f"a{number}", "visits": {"gt": 5}},
        {"tier": f"b{number}", "city": "York"},
        {"industry": f"c{number}"},
    ]
    more = [{"any": [{"campaign": f"x{number}"}, {"title": {"contains": f"y{number}"}}]}]
    return {"lead_type": "demo", "any": branches, "all": more}


def _sets(random: Random) -> dict[str, Callable[[int], dict[str, Any]]]:
    return {
        "one value each": lambda number: {"source": f"s{number}", "country": "DE"},
        "lists of values": lambda number: {
            "channel": random.sample(COUNTRIES, 20),
            "industry": f"i{number % 50}",
            "employees": {"gte": number},
        },
        "ranges of one field": lambda number: {"employees": {"gte": number, "lt": number + 2}},
        "lists of texts": lambda number: {"company": {"contains": [f"acme {number} {n}" for n in range(10)]}},
        "overlapping prefixes": lambda number: {
            "postal_code": {"prefix": [f"{number + n:05}" for n in range(30)]}
        },
        "not": lambda number: {"tier": f"t{number}", "not": {"source": random.sample(COUNTRIES, 10)}},
        "any": _any,
    }


def main() -> None:
    """Print the time of one check, and its ratio to reading the plan."""
    print("| conditions | check | check / read |\n| --- | --- | --- |")
    for name, condition in _sets(Random(1)).items():
        data = _plan(condition)
        read = _fastest(partial(read_plan, data))
        document = read_plan(data)
        assert isinstance(document, PlanDocument)
        check = _fastest(partial(_check, document))
        print(f"| {name} | {1000 * check:.0f} ms | {check / read:.2f} |")


def _check(document: PlanDocument) -> None:
    for _ in order_findings(document):
        pass


def _plan(condition: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    rules = [
        {"rule": {"name": f"r{number}", "when": condition(number), "then": {"team": f"t{number}"}}}
        for number in range(RULES)
    ]
    return {"queues": {"q": {}}, "pipeline": [*rules, {"queue": {"name": "q"}}]}


def _fastest(work: Callable[[], object]) -> float:
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


if __name__ == "__main__":
    main()
