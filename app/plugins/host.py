"""The process of one plugin: `python -P -m app.plugins.host PLACE SECONDS MEGABYTES`.

It reads messages from its standard input and writes replies to its standard output. Lead and facts are
copies: a plugin that changes them affects nothing, not even its own next lead.
"""

import json
import os
import resource
import signal
import sys
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from importlib.metadata import EntryPoint
from typing import Any, BinaryIO

from app.engine.compile.plan import Compilable, Strategy
from app.engine.model.decision import Verdict
from app.engine.model.directory import Directory
from app.engine.model.plugin_replies import verdict_to_json
from app.engine.model.state import State
from app.plugins.messages import (
    MAX_REPLY_BYTES,
    Ask,
    Forget,
    Message,
    StepKey,
    StepSettings,
    framed,
    read_frame,
    unpacked,
)
from app.registry import GROUP

NICE = 10
"""A plugin that uses all of a processor yields to the service."""
_MEGABYTE = 1 << 20


class PluginFacts:
    """The facts of one lead, unpacked on first use."""

    def __init__(self, now: datetime, directory: bytes, state: bytes) -> None:
        self.now = now
        self._directory = directory
        self._state = state

    @cached_property
    def directory(self) -> Directory:
        """Owners and teams."""
        found: Directory = unpacked(self._directory)
        return found

    @cached_property
    def state(self) -> State:
        """The state after the newest commit that the service has observed."""
        found: State = unpacked(self._state)
        return found


@dataclass(slots=True)
class PluginHost:
    """Runs the plugin. `settings` are compiled; directories and states are kept packed, by workspace.

    `refused` are settings it could not compile, with the kind of error it raised.
    """

    strategy: Strategy
    settings: dict[StepKey, Any] = field(default_factory=dict)
    refused: dict[StepKey, str] = field(default_factory=dict)
    directories: dict[int, bytes] = field(default_factory=dict)
    states: dict[int, bytes] = field(default_factory=dict)

    def answer(self, message: Message) -> dict[str, Any]:
        """The reply to a message. Of an error the reply holds its kind only."""
        try:
            match message:
                case Ask():
                    return self._asked(message)
                case StepSettings():
                    self.settings[message.step] = self._ready(message)
                case Forget():
                    self._forget()
        except (Exception, SystemExit) as error:
            kind = type(error).__name__
            if isinstance(message, StepSettings):
                self.refused[message.step] = kind
            return {"error": kind}
        return {}

    def _ready(self, message: StepSettings) -> Any:
        strategy = self.strategy
        if isinstance(strategy, Compilable) and message.document is not None:
            return strategy.compile(message.config, message.document)
        return message.config

    def _asked(self, message: Ask) -> dict[str, Any]:
        workspace = message.step[0]
        if message.directory is not None:
            self.directories[workspace] = message.directory
        if message.state is not None:
            self.states[workspace] = message.state
        if message.step in self.refused:
            return {"error": self.refused[message.step]}
        facts: Any = PluginFacts(message.now, self.directories[workspace], self.states[workspace])
        said: object = self.strategy.decide(message.values, facts, self.settings[message.step])
        return (
            {"verdict": verdict_to_json(said)} if isinstance(said, Verdict) else {"error": "invalid_verdict"}
        )

    def _forget(self) -> None:
        self.settings.clear()
        self.refused.clear()
        self.directories.clear()
        self.states.clear()


def main() -> None:
    """Answer messages until the input ends."""
    place, seconds, megabytes = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    questions, answers = _channels()
    _limit(megabytes)
    plugin_steps = PluginHost(EntryPoint("", place, GROUP).load()())
    _tell(answers, {})
    while (raw := read_frame(questions)) is not None:
        message: Message = unpacked(raw)
        if isinstance(message, Ask):
            # Who asked ends this process when it is late; when the caller is gone, it ends itself.
            signal.setitimer(signal.ITIMER_REAL, 2 * seconds + 1)
        answer = plugin_steps.answer(message)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _tell(answers, answer)
    os._exit(0)  # whatever threads a plugin has left behind


def _channels() -> tuple[BinaryIO, BinaryIO]:
    """The streams of messages and replies, out of reach of `print` and `input`."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)
    return questions, answers


def _limit(megabytes: int) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (megabytes * _MEGABYTE,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICE)


def _tell(answers: BinaryIO, answer: dict[str, Any]) -> None:
    try:
        body = json.dumps(answer, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        body = b""
    if not 0 < len(body) <= MAX_REPLY_BYTES:
        body = b'{"error":"invalid_verdict"}'
    answers.write(framed(body))
    answers.flush()


if __name__ == "__main__":
    main()
