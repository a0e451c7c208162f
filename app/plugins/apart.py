"""Asking plugins where no loop serves requests: while a plan is checked."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from app.engine.compile.plan import Plan, Strategy
from app.engine.model.advice import PluginResults
from app.plugins.advisor import PluginLead, PluginRunner
from app.plugins.conversation import STARTING_SECONDS, PluginLimits

CHECK_LIMITS = PluginLimits(seconds=2.0)
"""Nobody waits in a browser, and a test of a plan should not fail because the machine is busy."""


def call_plugins(
    strategies: Mapping[str, Strategy], plan: Plan, leads: Sequence[PluginLead]
) -> list[PluginResults]:
    """What the plugins say about each lead, from processes of their own that end with this call."""

    async def ask() -> list[PluginResults]:
        advisor = PluginRunner(strategies, CHECK_LIMITS)
        try:
            return await advisor.advise(plan, leads, STARTING_SECONDS)
        finally:
            await advisor.close()

    # A thread of its own, for the caller's may be one in which a loop runs.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, ask()).result()
