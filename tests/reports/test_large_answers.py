"""An answer about thousands of groups is made in slices: others go on meanwhile."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, cast

from app.pace import SLICE_SECONDS
from app.reports.groups import table_of
from app.reports.report import Question
from app.store.connection.pool import Row

GROUPS = 12


async def test_rows_of_many_groups_are_made_in_slices_and_in_order() -> None:
    question = cast(Question, _Question())
    counted = [{"owner": f"rep-{number:02}", "is_total": False} for number in reversed(range(GROUPS))]
    counted += [{"owner": None, "is_total": False}, {"owner": None, "is_total": True}]
    turns = 0

    def cells(row: Row) -> Mapping[str, Any]:
        time.sleep(SLICE_SECONDS)
        return {"turns": turns}

    task = asyncio.create_task(table_of(question, (), cast(list[Row], counted), cells))
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    table = await task
    assert [row["owner"] for row in table.rows] == [*(f"rep-{number:02}" for number in range(GROUPS)), None]
    assert len({row["turns"] for row in table.rows}) == GROUPS + 1
    assert table.totals is not None


class _Question:
    group_by = ("owner",)
