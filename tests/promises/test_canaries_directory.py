"""No error and no log line repeats input of the directory routes (S-13).

Paths name keys and never show values.
"""

from typing import Any

import pytest

from tests.promises.test_canaries import CANARY, is_clean, printed, refused
from tests.support.workspace import Workspace

__all__ = ["printed"]

JSON: list[tuple[str, Any]] = [
    ("/accounts/a", {"note": CANARY}),
    ("/accounts/a", {"domains": [f"{CANARY} {CANARY}"]}),
    ("/accounts/a", {"domains": {CANARY: CANARY}}),
    ("/accounts/a", {"customer_status": CANARY}),
    ("/accounts/a", {"roles": {"sdr": [CANARY]}}),
    ("/accounts/a", {"roles": {CANARY * 50: "ana"}}),
    ("/accounts/a", {"open_opportunity": [CANARY]}),
    ("/calendars/a", {"timezone": CANARY, "hours": "24/7"}),
    ("/calendars/a", {"timezone": "UTC", "hours": CANARY}),
    ("/calendars/a", {"timezone": "UTC", "hours": "PH off", "country": CANARY}),
    ("/teams/a", {"members": [{"owner": "ana", "ramp": {"factor": CANARY, "until": CANARY}}]}),
    ("/tables/a", {"columns": [CANARY, CANARY], "rows": []}),
    ("/tables/a", {"columns": ["country"], "rows": [[{CANARY: CANARY}, {"team": "inbound"}]]}),
    ("/tables/a", {"columns": ["country"], "rows": [["US", {"squad": CANARY}]]}),
    ("/tables/a", {"columns": ["country"], "rows": [[CANARY, CANARY, CANARY]]}),
]
LINES = [
    ("text/csv", f"{CANARY};{CANARY}\n{CANARY};{CANARY}\n"),
    ("text/csv", f'country,team\n"{CANARY},{CANARY}\n'),
    ("text/csv", f"country,team,priority\n{CANARY},inbound,{CANARY}\n"),
    ("application/x-ndjson", f'{{"country": "US", "team": "{CANARY}\n'),
    ("application/x-ndjson", f'{{"country": {{"{CANARY}": 1}}, "team": "inbound"}}\n'),
]


@pytest.mark.parametrize(("url", "body"), JSON, ids=[f"{at}" for at in range(len(JSON))])
async def test_no_field_of_a_record_is_repeated(
    workspace: Workspace, printed: list[str], url: str, body: Any
) -> None:
    await refused(workspace, "PUT", url, 422, json=body)


@pytest.mark.parametrize(("media", "text"), LINES, ids=[f"{at}" for at in range(len(LINES))])
async def test_no_line_of_a_table_is_repeated(
    workspace: Workspace, printed: list[str], media: str, text: str
) -> None:
    headers = {"Content-Type": media}
    answer = await workspace.client.put("/tables/a", content=text.encode(), headers=headers)
    assert 400 <= answer.status_code < 500, answer.text
    assert is_clean(answer.text), answer.text
