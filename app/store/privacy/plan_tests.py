"""Plan tests that were made from the lead of an erased person."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson
import yaml

from app.store.connection.pool import Connection

NOTE = "# Written again from the stored plan, because a test with personal data was erased.\n"

SELECT_PLANS_WITH = """
SELECT version, document FROM plans
 WHERE workspace_id = $1
   AND EXISTS (SELECT FROM unnest($2::text[]) AS sent (value)
                WHERE position(lower(sent.value) IN lower(source_text || document::text)) > 0)
"""
"""The plans whose text has one of these values in it."""

UPDATE_PLAN = "UPDATE plans SET document = $3, source_text = $4 WHERE workspace_id = $1 AND version = $2"
"""A plan without some of its tests. No decision depends on tests."""


async def find_tests(
    connection: Connection, workspace_id: int, values: Collection[str]
) -> list[dict[str, Any]]:
    """Return the tests whose lead has one of these values, with the versions they are in."""
    folded = {value.casefold() for value in values}
    return [
        {"version": row["version"], "test": test}
        for row in await connection.fetch(SELECT_PLANS_WITH, workspace_id, sorted(values))
        for test in orjson.loads(row["document"]).get("tests") or []
        if not folded.isdisjoint(_texts(test))
    ]


async def erase_tests(connection: Connection, workspace_id: int, values: Collection[str]) -> int:
    """Delete the tests whose lead has one of these values from every version. Return how many."""
    folded, erased = {value.casefold() for value in values}, 0
    for row in await connection.fetch(SELECT_PLANS_WITH, workspace_id, sorted(values)):
        document: dict[str, Any] = orjson.loads(row["document"])
        tests = document.get("tests") or []
        kept = [test for test in tests if folded.isdisjoint(_texts(test))]
        if len(kept) < len(tests):
            erased += len(tests) - len(kept)
            document["tests"] = kept
            text = NOTE + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
            await connection.execute(
                UPDATE_PLAN, workspace_id, row["version"], orjson.dumps(document).decode(), text
            )
    return erased


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value.casefold()
        case Mapping():
            for each in value.values():
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)
