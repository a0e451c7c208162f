"""Keeps the processes of one plugin: one that is called, and a second one ready to replace it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from app.engine.compile.plugins import Plugin, PluginStep
from app.engine.model.directory import Directory
from app.engine.model.state import State
from app.plugins.messages import Ask, Forget, StepKey, StepSettings, packed
from app.plugins.process import CLOSED, STARTING_SECONDS, PluginLimits, PluginProcess, RawReply

MAX_STRIKES = 3
"""So often in a row it may be late, or end, before it is left alone."""
PAUSE_SECONDS = 5.0
MAX_PAUSE_SECONDS = 300.0
"""The first time it is left alone for the shorter, then always for twice as long, up to the longer."""
MAX_SENT = 256
"""Settings and snapshots that a process keeps; beyond them it is told to forget all."""
PAUSED: RawReply = {"error": "paused"}
UNAVAILABLE: RawReply = {"error": "unavailable"}


@dataclass(frozen=True)
class PluginSnapshot:
    """How a workspace stands, as far as plugins are shown it. `stamp` is another when the state is."""

    workspace_id: int
    directory: Directory
    state: State
    stamp: object

    @cached_property
    def packed_directory(self) -> bytes:
        """The directory for a process."""
        return packed(self.directory)

    @cached_property
    def packed_state(self) -> bytes:
        """The state for a process."""
        return packed(self.state)


@dataclass(frozen=True, slots=True)
class PluginQuestion:
    """One lead for one step of a version of a plan."""

    step: PluginStep
    plan_version: int
    values: Mapping[str, Any]
    now: datetime
    snapshot: PluginSnapshot

    @property
    def key(self) -> StepKey:
        """What the settings of the step are kept under."""
        return self.snapshot.workspace_id, self.plan_version, self.step.name


class PluginSupervisor:
    """One a plugin and process of the service. Its processes start when it is first asked."""

    def __init__(self, plugin: Plugin, limits: PluginLimits) -> None:
        self._plugin = plugin
        self._limits = limits
        self._current: PluginProcess | None = None
        self._next: PluginProcess | None = None
        self._all: set[PluginProcess] = set()
        self._starting: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._strikes = 0
        self._pause = PAUSE_SECONDS
        self._paused_until = 0.0

    async def call(self, question: PluginQuestion, until: float) -> RawReply:
        """What the plugin says, or why it says nothing, at `until` by the loop's clock at the latest.

        A lead that another one's end kept from its answer is asked about again.
        """
        clock = asyncio.get_running_loop().time
        while clock() < until:
            if clock() < self._paused_until:
                return PAUSED
            speaking = await self._speaking(until)
            if speaking is None:
                return UNAVAILABLE
            said = await self._put(speaking, question, until)
            if said is not None:
                return said
        return UNAVAILABLE

    def start(self) -> None:
        """See that both processes run, or are on their way."""
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start(), name=f"plugin {self._plugin.name}")

    async def close(self) -> None:
        """End everything, and wait until it is gone."""
        for each in tuple(self._all):
            each.end(CLOSED)
        if self._starting is not None:
            await asyncio.wait([self._starting])
        await asyncio.gather(*(each.gone for each in self._all))

    async def _speaking(self, until: float) -> PluginProcess | None:
        """Who can be asked. The very first is waited for, a successor is not."""
        if self._current is not None and self._current.alive:
            if self._next is None or not self._next.alive:
                self.start()  # both had ended before the third was there
            return self._current
        if self._next is not None and self._next.alive:
            self._current, self._next = self._next, None
            self.start()
            return self._current
        self.start()
        try:
            async with asyncio.timeout_at(until):
                await self._tried.wait()
        except TimeoutError:
            return None
        return self._current if self._current is not None and self._current.alive else None

    async def _put(self, speaking: PluginProcess, question: PluginQuestion, until: float) -> RawReply | None:
        try:
            answer = self._said_to(speaking, question)
        except Exception as error:  # settings that cannot be packed
            return {"error": type(error).__name__}
        try:
            async with asyncio.timeout_at(until):
                said = await asyncio.shield(answer)
        except TimeoutError:
            return UNAVAILABLE
        if said is not None and speaking.alive:
            self._strikes, self._pause = 0, PAUSE_SECONDS
        return said

    def _said_to(self, speaking: PluginProcess, question: PluginQuestion) -> asyncio.Future[RawReply | None]:
        sent, snapshot, key = speaking.sent, question.snapshot, question.key
        if len(sent) > MAX_SENT:
            sent.clear()
            speaking.ask(packed(Forget()), STARTING_SECONDS)
        if key not in sent:
            config, document = question.step.config, question.step.document
            if config is not None:
                speaking.ask(packed(StepSettings(key, config, document)), STARTING_SECONDS)
            sent[key] = True
        directory, state = (snapshot.workspace_id, "directory"), (snapshot.workspace_id, "state")
        ask = Ask(
            key,
            question.now,
            question.values,
            None if sent.get(directory) is snapshot.directory else snapshot.packed_directory,
            None if sent.get(state) is snapshot.stamp else snapshot.packed_state,
        )
        sent[directory], sent[state] = snapshot.directory, snapshot.stamp
        return speaking.ask(packed(ask), self._limits.seconds)

    async def _start(self) -> None:
        missing = [each for each in (self._current, self._next) if each is None or not each.alive]
        try:
            async with asyncio.TaskGroup() as both:
                for _ in missing:
                    both.create_task(self._begin())
        finally:
            self._tried.set()

    async def _begin(self) -> None:
        begun = PluginProcess(self._ended)
        self._all.add(begun)
        begun.gone.add_done_callback(lambda _: self._all.discard(begun))
        try:
            if not await begun.begin(self._plugin.place, self._limits):
                return
        except OSError:
            begun.end("process_exited")
            begun.gone.set_result(None)
            return
        if self._current is None or not self._current.alive:
            self._current = begun
            self._tried.set()
        else:
            self._next = begun

    def _ended(self, why: str) -> None:
        if why == CLOSED:
            return
        self._strikes += 1
        if self._strikes >= MAX_STRIKES:
            self._paused_until = asyncio.get_running_loop().time() + self._pause
            self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS)
