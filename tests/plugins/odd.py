"""A plugin that misbehaves for some leads. The lead's city says how."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import field_validator

from app.engine.model.decision import Target, Verdict
from app.engine.model.state import Facts, Load
from app.plan.document.steps import StepConfig
from app.plan.language.shapes import Name


class OddConfig(StepConfig):
    """Sends leads to a team."""

    team: Name

    def targets(self) -> tuple[Any, ...]:
        """None that could be checked."""
        return ()


def _raises(values: Any, facts: Any) -> Any:
    raise KeyError(values["email"])


def _hangs(values: Any, facts: Any) -> Any:
    time.sleep(3600)


def _spins(values: Any, facts: Any) -> Any:
    while True:
        pass


def _exits(values: Any, facts: Any) -> Any:
    os._exit(0)


def _asks_to_exit(values: Any, facts: Any) -> Any:
    sys.exit(1)


def _hoards(values: Any, facts: Any) -> Any:
    return bytearray(1 << 40)


def _prints(values: Any, facts: Any) -> Any:
    print(values, flush=True)  # noqa: T201
    print(values, file=sys.stderr, flush=True)  # noqa: T201
    os.write(1, b"\x00\x00\x00\x02{}" * 1000)
    return input() if os.read(0, 1) else None


def _mutates(values: Any, facts: Any) -> Any:
    values["country"] = "XX"
    facts.state.loads["ben"] = Load(open=99, last=99)
    facts.directory.teams.clear()
    facts.directory.owners["ana"].crm["salesforce"] = "changed"


def _babbles(values: Any, facts: Any) -> Any:
    return Verdict("x" * 1_000_000)


DEEDS: Mapping[str, Callable[[Any, Any], Any]] = {
    "Raises": _raises,
    "Hangs": _hangs,
    "Spins": _spins,
    "Exits": _exits,
    "Asks to exit": _asks_to_exit,
    "Hoards": _hoards,
    "Prints": _prints,
    "Mutates": _mutates,
    "Babbles": _babbles,
    "Nonsense": lambda values, facts: "nonsense",
    "Odd code": lambda values, facts: Verdict(f"for {values['email']}"),
    "Taken code": lambda values, facts: Verdict("duplicate"),
    "Odd kind": lambda values, facts: Verdict("odd", (Target("moon", "x"),)),  # type: ignore[arg-type]
    "Odd labels": lambda values, facts: Verdict("odd", (), {"band": {"hot": float("nan")}}),
    "Labels": lambda values, facts: Verdict("odd", (), {"scores": {"b": 1, "a": 2}, "band": "hot"}),
    "Unknown owner": lambda values, facts: Verdict("odd", (Target("owner", "nobody"),)),
    "Looks": lambda values, facts: Verdict(f"saw_{values.get('country')}_{_standing(facts)}"),
}


def _standing(facts: Any) -> str:
    ana = facts.directory.owners["ana"]
    return f"{len(facts.directory.teams)}_{facts.state.load('ben').open}_{ana.crm['salesforce']}"


class Odd:
    """Misbehaves as the lead's city says, and sends the other leads to its team."""

    name = "odd"
    Config = OddConfig

    def decide(self, values: Mapping[str, Any], facts: Facts, config: OddConfig) -> Verdict:
        """The verdict of the step."""
        deed = DEEDS.get(values.get("city") or "")
        said = deed(values, facts) if deed is not None else None
        return Verdict("odd", (Target("team", config.team, "longest_idle"),)) if said is None else said


class ClumsyConfig(StepConfig):
    """Settings that fail when they are validated or used."""

    way: str

    @field_validator("way")
    @classmethod
    def _trips(cls, way: str) -> str:
        if way == "trips":
            raise LookupError(way)
        return way

    def targets(self) -> tuple[Any, ...]:
        """No targets."""
        if self.way == "stumbles":
            raise LookupError(self.way)
        return ("nowhere",) if self.way == "babbles" else ()


class Clumsy:
    """Is never called."""

    name = "clumsy"
    Config = ClumsyConfig

    def decide(self, values: Mapping[str, Any], facts: Facts, config: ClumsyConfig) -> Verdict:
        """Passes."""
        return Verdict("clumsy")


class Kind:
    """Another plugin, which does as it should."""

    name = "kind"
    Config = OddConfig

    def decide(self, values: Mapping[str, Any], facts: Facts, config: OddConfig) -> Verdict:
        """The team."""
        return Verdict("kind", (Target("team", config.team),))


class Prepared:
    """Compiles its settings."""

    name = "prepared"
    Config = OddConfig

    def compile(self, config: OddConfig, document: Any) -> str:
        """The names of the plan's steps, which no lead should have to wait for."""
        return "_".join(step.strategy for step in document.pipeline)

    def decide(self, values: Mapping[str, Any], facts: Facts, config: str) -> Verdict:
        """Returns what was compiled."""
        return Verdict(f"ready_{config}")
