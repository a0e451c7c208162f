"""The simulated week, played on a real server, and the books after it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from app.cli.week.arrivals import arrivals
from app.cli.week.habits import steps_of
from app.cli.week.play import next_monday
from tests.support.processes import services
from tests.support.shell import Shell
from tests.support.workspace import stored_workspace

MONDAY = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.mark.long
async def test_two_days_of_the_demo_leave_clean_books(database: str, tmp_path: Path) -> None:
    async with stored_workspace(database) as workspace:
        with services(database, 1, env="development", worker_interval_seconds="0.05") as (service,):
            shell = Shell(tmp_path, DATABASE_URL=database)
            words = ("--url", service.url, "--key", workspace.key, "--days", "2", "--leads", "80")
            shown = await asyncio.to_thread(shell.says, "demo", *words)
            assert "every ledger sums to zero" in shown
            for line in ("leads sent", "first touch", "claims", "set owner"):
                assert line in shown, line
            assert "not done in time" not in shown
            assert not service.logged_errors
            verified = await asyncio.to_thread(shell.says, "verify")
            assert "leads unaccounted for: 0" in verified
            again = ("--url", service.url, "--key", workspace.key, "--days", "1", "--leads", "5")
            assert "every ledger sums to zero" in await asyncio.to_thread(shell.says, "demo", *again)
            past = ("demo", "--url", service.url, "--key", workspace.key, "--start", "2020-01-06")
            assert "never goes back" in await asyncio.to_thread(shell.refuses, *past)


async def test_demo_refuses_a_server_in_production(database: str, tmp_path: Path) -> None:
    async with stored_workspace(database) as workspace:
        with services(database, 1, env="production") as (service,):
            words = ("demo", "--url", service.url, "--key", workspace.key)
            refused = await asyncio.to_thread(Shell(tmp_path).refuses, *words)
            assert "needs a development server" in refused


def test_same_seed_is_the_same_week() -> None:
    first, second = (arrivals(Random(7), MONDAY, 7, 200) for _ in range(2))
    assert first == second
    assert len(first) == 200
    assert [at for at, _ in first] == sorted(at for at, _ in first)
    assert all(MONDAY <= at < MONDAY + timedelta(days=7) for at, _ in first)
    assert arrivals(Random(8), MONDAY, 7, 200) != first


def test_steps_of_an_owner_come_in_the_order_of_time() -> None:
    for seed in range(300):
        minutes = [step.minutes for step in steps_of(Random(seed), is_customer=seed % 5 == 0)]
        assert minutes == sorted(minutes)


def test_next_monday_is_always_ahead() -> None:
    for hours in range(24 * 8):
        at = MONDAY + timedelta(hours=hours)
        monday = next_monday(at)
        assert monday.weekday() == 0
        assert timedelta() < monday - at <= timedelta(days=7)
