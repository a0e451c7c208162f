"""`make bench`: every comparison of the performance page, as one table."""

import sys
from collections.abc import Callable, Iterator

from bench.accounts import accounts_match
from bench.clocks import due_at_once, million_clocks
from bench.console import console
from bench.every_step import every_step
from bench.held import held_beside_idle
from bench.intake import intake
from bench.isolation import isolation
from bench.overload import overload
from bench.processes import Service, service
from bench.reports import reports
from bench.scenarios import Row, long_table, many_rules, open_snapshot, speed
from bench.stored import million, size, weight
from bench.webhooks import burst, forms, steady_stream

ALL: dict[str, Callable[[Service], Iterator[Row]]] = {
    "speed": speed,
    "rules": many_rules,
    "steps": every_step,
    "tables": long_table,
    "intake": intake,
    "accounts-match": accounts_match,
    "snapshot": open_snapshot,
    "size": size,
    "million": million,
    "weight": weight,
    "clocks": million_clocks,
    "due": due_at_once,
    "held": held_beside_idle,
    "webhooks": steady_stream,
    "burst": burst,
    "forms": forms,
    "reports": reports,
    "console": console,
    "overload": overload,
    "isolation": isolation,
}
AS_SHIPPED = {"overload", "isolation"}
"""Measured with the request timeout that a service has unless it is set."""


def main() -> int:
    """Run the comparisons named, or all; the exit code is 1 when a goal was missed."""
    chosen = sys.argv[1:] or list(ALL)
    rows: list[Row] = []
    print("| measured | came out | goal | reached |\n| --- | --- | --- | --- |", flush=True)
    for name in chosen:
        with service(2 if name in AS_SHIPPED else 30) as running:
            for row in ALL[name](running):
                rows.append(row)
                reached = {None: "", True: "yes", False: "**no**"}[row.reached]
                print(f"| {row.what} | {row.figure} | {row.goal} | {reached} |", flush=True)
    return 1 if any(row.reached is False for row in rows) else 0


sys.exit(main())
