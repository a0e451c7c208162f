"""`language`: whoever speaks the lead's language and has waited longest; else whoever has waited longest.

- language: {team: inbound, fallback: en}
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field

from app.engine.model.decision import Target, Verdict
from app.engine.model.state import Facts
from app.plan.language.shapes import Name
from app.plan.document.steps import StepConfig
from app.plan.document.steps import Target as Written


class LanguageConfig(StepConfig):
    """Prefers the member of a team who speaks the lead's language and has waited longest."""

    team: Name = Field(description="The team that gets the leads.")
    fallback: Name | None = Field(None, description="The language of a lead that does not say its own.")

    def targets(self) -> tuple[Written, ...]:
        """Named here, so that a team that does not exist is found when the plan is checked."""
        return (Written(team=self.team),)


class Language:
    """Asks for the language first, and then for nothing: somebody of the team shall have the lead."""

    name = "language"
    Config = LanguageConfig

    def decide(self, values: Mapping[str, Any], facts: Facts, config: LanguageConfig) -> Verdict:
        """A ladder. Who is free, and who waited longest, the engine says behind the gate."""
        language = values.get("language") or config.fallback
        anybody = Target("team", config.team, pick="longest_idle")
        if not isinstance(language, str) or not _spoken(language, facts, config.team):
            return Verdict("no_speaker", (anybody,))
        speaker = Target("team", config.team, pick="longest_idle", languages=(language,))
        return Verdict("language", (speaker, replace(anybody, code="no_speaker")))


def _spoken(language: str, facts: Facts, team: str) -> bool:
    """Whether anybody of the team speaks it at all: else the trace need not show everyone twice."""
    found = facts.directory.teams.get(team)
    owners = [facts.directory.owners.get(member.owner) for member in found.members] if found else []
    first = language.replace("_", "-").partition("-")[0].casefold()
    return any(owner is not None and first in owner.languages for owner in owners)
