"""Every page with a generated part, as it must be.

A generated part of a page stands between `<!-- name -->` and `<!-- /name -->`; what is around it is
written by hand and left alone.
"""

import re
from collections.abc import Callable
from pathlib import Path

import orjson

from app.api.http.openapi import document
from app.main import create_app
from app.settings import Settings
from docs.generator import diagnosis, engine, errors, layers, plan, reports, routes, views

ROOT = Path(__file__).parents[2]
OPENAPI = "docs/openapi.json"
PAGES = (
    "docs/accounts.md",
    "docs/api.md",
    "docs/architecture.md",
    "docs/concepts.md",
    "docs/diagnosis.md",
    "docs/errors.md",
    "docs/events.md",
    "docs/plan.md",
    "docs/reports.md",
    "docs/strategies.md",
)
BLOCKS: dict[str, Callable[[], str]] = {
    "layers": layers.contract,
    "report-views": views.each,
    "routes": routes.table_of_routes,
    "fair-share": engine.fair_share,
    "event-table": engine.event_table,
    "state-table": engine.state_table,
    "event-effects": engine.event_effects,
    "reason-codes": engine.reason_codes,
    "step-codes": engine.step_codes,
    "returning-lead-codes": engine.returning_lead_codes,
    "target-codes": engine.target_codes,
    "candidate-codes": engine.candidate_codes,
    "claim-codes": engine.claim_codes,
    "bystander-codes": engine.bystander_codes,
    "no-actions-codes": engine.no_actions_codes,
    "match-codes": engine.match_codes,
    "plugin-errors": engine.plugin_errors,
    "problems": errors.problems,
    "claim-problems": errors.claim_problems,
    "faults": errors.faults,
    "keys": plan.keys,
    "operators": plan.operators,
    "fields": plan.fields,
    "placeholders": plan.placeholders,
    "findings": plan.findings,
    "reports": reports.each,
    "dimensions": reports.dimensions,
    "health-findings": diagnosis.findings,
}
_BLOCK = re.compile(r"<!-- ([a-z-]+) -->\n.*?<!-- /\1 -->", re.DOTALL)


def pages() -> dict[str, str]:
    """The text of every such page, by its path from the project's root."""
    written = {path: filled((ROOT / path).read_text(encoding="utf-8")) for path in PAGES}
    return {**written, OPENAPI: openapi()}


def filled(page: str) -> str:
    """The page with its generated parts refreshed; a block of another name is left unchanged."""

    def refresh(found: re.Match[str]) -> str:
        make = BLOCKS.get(found[1])
        return found[0] if make is None else f"<!-- {found[1]} -->\n{make()}\n<!-- /{found[1]} -->"

    return _BLOCK.sub(refresh, page)


def openapi() -> str:
    """The description of the API, as `GET /openapi.json` answers it."""
    described = document(create_app(Settings()))
    written = orjson.dumps(described, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    return written.decode() + "\n"
