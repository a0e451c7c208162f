"""Custom attributes of a plan that leads are sent with under nearly the same name."""

from typing import Any

import pytest

from app.dispatch.attribute_names import AttributeNames
from app.store.attribute_names import MAX_NAMES
from tests.support.workspace import Workspace

pytestmark = pytest.mark.alone

PLAN = """queues: {q: {}}
pipeline:
  - rule: {name: coupon, when: {attributes.%s: X}, then: {queue: q}}
  - queue: {name: q}
"""


async def told(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    answer = await workspace.client.post(
        "/plans", content=PLAN % name, headers={"Content-Type": "application/yaml"}
    )
    assert answer.status_code == 201, answer.text
    return [each for each in answer.json()["findings"] if each["code"] == "unseen_attribute"]


async def test_misspelled_attribute_is_told_with_the_one_that_was_sent(workspace: Workspace) -> None:
    assert await told(workspace, "Coupon_Cod__c") == []
    await workspace.assign(external_id="a", attributes={"Coupon_Code__c": "X", "nested": {"deep": 1}})
    (finding,) = await told(workspace, "Coupon_Cod__c")
    assert (finding["severity"], finding["line"], finding["rule"]) == ("warning", 3, "coupon")
    assert finding["value"] == "attributes.Coupon_Cod__c"
    assert "Did you mean attributes.Coupon_Code__c?" in finding["detail"]
    assert await told(workspace, "coupon_code__c")
    assert await told(workspace, "nested.deeep")
    for name in ("Coupon_Code__c", "Something_Else", "Coupn_Cod__c", "nested.deep"):
        assert await told(workspace, name) == []


async def test_name_that_was_sent_long_ago_is_forgotten(workspace: Workspace) -> None:
    await workspace.assign(external_id="a", attributes={"seats": 1, "seat": 1})
    assert await told(workspace, "seat") == []
    await workspace.pool.execute(
        "UPDATE attribute_names SET seen_at = now() - interval '91 days' WHERE name = 'seat'"
    )
    assert await told(workspace, "seat")
    await workspace.pool.execute("UPDATE attribute_names SET seen_at = now() - interval '91 days'")
    assert await told(workspace, "seat") == []


async def test_numbers_in_names_are_no_typos(workspace: Workspace) -> None:
    await workspace.assign(external_id="a", attributes={"line1": 1})
    assert await told(workspace, "line2") == []


@pytest.mark.parametrize("count", [MAX_NAMES, MAX_NAMES + 10])
async def test_names_are_bounded_and_nothing_is_told_beyond(workspace: Workspace, count: int) -> None:
    names = AttributeNames(workspace.pool)
    for number in range(count - 1):
        names.note(workspace.workspace_id, {f"field{number:05}": None})
    names.note(workspace.workspace_id, {"seats": 1})
    await names.write()
    stored = await workspace.pool.fetchval("SELECT count(*) FROM attribute_names")
    assert stored == min(count, MAX_NAMES + 1)
    assert bool(await told(workspace, "seatss")) is (count <= MAX_NAMES)


async def test_names_are_kept_until_they_can_be_stored(workspace: Workspace) -> None:
    names = AttributeNames(workspace.pool)
    names.note(workspace.workspace_id, {"seats": 1})
    await workspace.pool.execute("ALTER TABLE attribute_names RENAME TO away")
    await names.write()
    await workspace.pool.execute("ALTER TABLE away RENAME TO attribute_names")
    await names.write()
    assert await told(workspace, "seatss")
