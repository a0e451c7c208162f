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
"""A plugin is paused for a workspace after this many timeouts or exits in a row because of its leads."""
MAX_STRUCK = 1000
"""Workspaces whose strikes are kept."""
PAUSE_SECONDS = 5.0
MAX_PAUSE_SECONDS = 300.0
"""The first pause takes PAUSE_SECONDS. Each further one takes twice as long, up to this limit."""
MAX_SENT = 256
"""A process keeps this many settings and snapshots. Beyond that it drops all of them."""
PAUSED: RawReply = {"error": "paused"}
UNAVAILABLE: RawReply = {"error": "unavailable"}


@dataclass(frozen=True)
class PluginSnapshot:
    """The directory and state of a workspace, as plugins see them. `stamp` changes with the state."""

    workspace_id: int
    directory: Directory
    state: State
    stamp: object

    @cached_property
    def packed_directory(self) -> bytes:
        """The directory as bytes for a process."""
        return packed(self.directory)

    @cached_property
    def packed_state(self) -> bytes:
        """The state as bytes for a process."""
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
        """Identifies the settings of the step."""
        return self.snapshot.workspace_id, self.plan_version, self.step.name


@dataclass(slots=True)
class _Record:
    """How often the plugin failed in a row because of one workspace, and until when it is paused for it."""

    strikes: int = 0
    pause: float = PAUSE_SECONDS
    paused_until: float = 0.0

    def strike(self, now: float) -> None:
        self.strikes += 1
        if self.strikes >= MAX_STRIKES:
            self.paused_until = now + self.pause
            self.pause = min(2 * self.pause, MAX_PAUSE_SECONDS)


class PluginSupervisor:
    """Each process of the service has one for each plugin. Its processes start with the first call."""

    def __init__(self, plugin: Plugin, limits: PluginLimits) -> None:
        self._plugin = plugin
        self._limits = limits
        self._current: PluginProcess | None = None
        self._next: PluginProcess | None = None
        self._all: set[PluginProcess] = set()
        self._starting: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._records: dict[int | None, _Record] = {}

    async def call(self, question: PluginQuestion, until: float) -> RawReply:
        """The reply of the plugin, or the reason why there is none. `until` is a time of the loop's clock.

        A question is asked again when the process ended because of another question.
        """
        clock = asyncio.get_running_loop().time
        workspace_id = question.snapshot.workspace_id
        while clock() < until:
            if self._is_paused(workspace_id, clock()) or self._is_paused(None, clock()):
                return PAUSED
            process = await self._live_process(until)
            if process is None:
                return UNAVAILABLE
            reply = await self._ask(process, question, until)
            if reply is not None:
                return reply
        return UNAVAILABLE

    def start(self) -> None:
        """Start the processes that do not run yet."""
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start(), name=f"plugin {self._plugin.name}")

    async def close(self) -> None:
        """End all processes, and wait until they are gone."""
        for process in tuple(self._all):
            process.end(CLOSED)
        if self._starting is not None:
            await asyncio.wait([self._starting])
        await asyncio.gather(*(each.gone for each in self._all))

    async def _live_process(self, until: float) -> PluginProcess | None:
        """The process to ask. Waits for the first process, but not for a replacement."""
        if self._current is not None and self._current.alive:
            if self._next is None or not self._next.alive:
                self.start()  # both had ended before their replacement was ready
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

    async def _ask(self, process: PluginProcess, question: PluginQuestion, until: float) -> RawReply | None:
        try:
            pending = self._send(process, question)
        except Exception as error:  # settings that cannot be packed
            return {"error": type(error).__name__}
        try:
            async with asyncio.timeout_at(until):
                reply = await asyncio.shield(pending)
        except TimeoutError:
            return UNAVAILABLE
        if reply is not None and process.alive and self._records:
            self._records.pop(question.snapshot.workspace_id, None)
            self._records.pop(None, None)
        return reply

    def _send(self, process: PluginProcess, question: PluginQuestion) -> asyncio.Future[RawReply | None]:
        sent, snapshot, key = process.sent, question.snapshot, question.key
        if len(sent) > MAX_SENT:
            sent.clear()
            process.ask(packed(Forget()), STARTING_SECONDS)
        if key not in sent:
            config, document = question.step.config, question.step.document
            if config is not None:
                settings = packed(StepSettings(key, config, document))
                process.ask(settings, STARTING_SECONDS, snapshot.workspace_id)
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
        return process.ask(packed(ask), self._limits.seconds, snapshot.workspace_id)

    async def _start(self) -> None:
        missing = [each for each in (self._current, self._next) if each is None or not each.alive]
        try:
            async with asyncio.TaskGroup() as group:
                for _ in missing:
                    group.create_task(self._begin())
        finally:
            self._tried.set()

    async def _begin(self) -> None:
        new = PluginProcess(self._ended)
        self._all.add(new)
        new.gone.add_done_callback(lambda _: self._all.discard(new))
        try:
            if not await new.begin(self._plugin.place, self._limits):
                return
        except OSError:
            new.end("process_exited")
            new.gone.set_result(None)
            return
        if self._current is None or not self._current.alive:
            self._current = new
            self._tried.set()
        else:
            self._next = new

    def _is_paused(self, workspace_id: int | None, now: float) -> bool:
        record = self._records.get(workspace_id)
        return record is not None and now < record.paused_until

    def _ended(self, why: str, workspace_id: int | None) -> None:
        """Count a strike against the workspace whose lead the process was working on, and no other."""
        if why == CLOSED:
            return
        record = self._records.pop(workspace_id, None) or _Record()
        if len(self._records) >= MAX_STRUCK:
            del self._records[next(iter(self._records))]
        self._records[workspace_id] = record
        record.strike(asyncio.get_running_loop().time())
