"""Failures of a plugin count against the workspace whose leads caused them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from app.engine.compile.plan import plan_from
from app.engine.compile.plugins import Plugin
from app.engine.model.directory import Directory
from app.engine.model.state import State
from app.plugins.process import PluginLimits, RawReply
from app.plugins.supervisor import MAX_STRIKES, PAUSED, PluginQuestion, PluginSnapshot, PluginSupervisor
from app.registry import strategies
from tests.plugins.odd import OddConfig
from tests.plugins.packages import ODD

PLAN = {"queues": {"desk": {}}, "pipeline": [{"odd": {"team": "inbound"}}, {"queue": {"name": "desk"}}]}
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


class Asking:
    """Asks one plugin for leads of several workspaces."""

    def __init__(self) -> None:
        plugin = Plugin("odd", OddConfig, "oddities", "1", f"{ODD}:Odd")
        plan = plan_from(PLAN, 1, {**strategies(), "odd": plugin})
        (self.step,) = plan.plugin_steps
        self.supervisor = PluginSupervisor(plugin, PluginLimits(10.0))

    async def ask(self, workspace_id: int, city: str) -> RawReply:
        """The reply for a lead from this city, asked again while the plugin starts."""
        snapshot = PluginSnapshot(workspace_id, Directory(1, {}, {}), State(), object())
        values: dict[str, Any] = {"city": city, "email": "a@people.example", "country": "DE"}
        question = PluginQuestion(self.step, 1, values, NOW, snapshot)
        while True:
            reply = await self.supervisor.call(question, asyncio.get_running_loop().time() + 20)
            if reply.get("error") != "unavailable":
                return reply
            await asyncio.sleep(0.01)


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    """A plugin that is ended afterwards."""
    asking = Asking()
    yield asking
    await asking.supervisor.close()


async def test_a_plugin_is_paused_only_for_the_workspace_whose_leads_crash_it(asking: Asking) -> None:
    for _ in range(MAX_STRIKES):
        assert (await asking.ask(1, "Exits"))["error"] == "process_exited"
        assert "verdict" in await asking.ask(2, "Berlin")
    assert await asking.ask(1, "Berlin") == PAUSED
    assert "verdict" in await asking.ask(2, "Berlin")


async def test_a_success_of_its_own_takes_the_strikes_of_a_workspace_back(asking: Asking) -> None:
    for _ in range(MAX_STRIKES + 1):
        assert "verdict" in await asking.ask(1, "Berlin")
        assert (await asking.ask(1, "Exits"))["error"] == "process_exited"
