"""A version is checked once for all who ask, until something changes that its findings depend on."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.errors import Overloaded
from app.plans.kept_findings import MAX_AGE, MAX_VERSIONS, Basis, Findings, KeptFindings
from tests.support.workspace import Workspace

NOON = datetime(2030, 11, 20, 12, tzinfo=UTC)
BASIS = Basis(7, frozenset({"score"}), NOON)
OTHERS = {
    "directory": replace(BASIS, directory_version=8),
    "attributes": replace(BASIS, attributes=None),
    "time": replace(BASIS, at=NOON + MAX_AGE),
    "a clock that was set back": replace(BASIS, at=NOON - MAX_AGE),
}


async def _checked() -> Findings:
    return Findings([], 3)


async def test_check_serves_those_who_ask_meanwhile_and_afterwards() -> None:
    kept = KeptFindings()
    check = kept.begin(1, 2, BASIS, _checked())
    assert kept.find(1, 2, BASIS) is check
    await check
    assert kept.find(1, 2, replace(BASIS, at=NOON + MAX_AGE / 2)) is check
    assert kept.find(1, 3, BASIS) is None
    assert kept.find(2, 2, BASIS) is None


@pytest.mark.parametrize("changed", OTHERS)
async def test_version_is_checked_again_when_something_has_changed(changed: str) -> None:
    kept = KeptFindings()
    await kept.begin(1, 2, BASIS, _checked())
    assert kept.find(1, 2, OTHERS[changed]) is None


async def test_check_that_failed_is_not_kept() -> None:
    async def fail() -> Findings:
        raise Overloaded("Other plans are being checked.")

    kept = KeptFindings()
    with pytest.raises(Overloaded):
        await kept.begin(1, 2, BASIS, fail())
    assert kept.find(1, 2, BASIS) is None


async def test_only_some_versions_are_kept() -> None:
    kept = KeptFindings()
    checks = [kept.begin(1, number, BASIS, _checked()) for number in range(MAX_VERSIONS)]
    assert kept.find(1, 0, BASIS) is checks[0]
    kept.begin(1, MAX_VERSIONS, BASIS, _checked())
    assert kept.find(1, 0, BASIS) is checks[0]
    assert kept.find(1, 1, BASIS) is None
    await asyncio.gather(*checks)


async def test_findings_follow_the_directory(workspace: Workspace) -> None:
    before, again = await workspace.get("/plans/1"), await workspace.get("/plans/active")
    assert before == again
    assert before["ok"]
    await workspace.team([0, 0])
    codes = {each["code"] for each in (await workspace.get("/plans/1"))["findings"]}
    assert codes == {"zero_weights"}
