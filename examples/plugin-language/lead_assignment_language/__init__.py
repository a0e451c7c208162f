"""`language`: prefers team members who speak the lead's language, and picks the one idle the longest.

- language: {team: inbound, fallback: en}
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lead_assignment import Facts, Name, StepConfig, Target, TargetConfig, Verdict
from pydantic import Field


class LanguageConfig(StepConfig):
    """Prefers the member of a team who speaks the lead's language and has been idle the longest."""

    team: Name = Field(description="The team that gets the leads.")
    fallback: Name | None = Field(None, description="The language of a lead that names none.")

    def targets(self) -> tuple[TargetConfig, ...]:
        """Name the team, so that checking a plan finds a team that does not exist."""
        return (TargetConfig(team=self.team),)


class Language:
    """Asks for a speaker first, then for anyone in the team."""

    name = "language"
    Config = LanguageConfig

    def decide(self, values: Mapping[str, Any], facts: Facts, config: LanguageConfig) -> Verdict:
        """Return a ladder of targets. The engine decides who is eligible and who has been idle the longest."""
        language = values.get("language") or config.fallback
        # A lead that names several languages has a list.
        named = language if isinstance(language, list) else [language] if language else []
        spoken = next((each for each in named if _is_spoken(each, facts, config.team)), None)
        anyone = Target("team", config.team, pick="longest_idle")
        if spoken is None:
            return Verdict("no_speaker", (anyone,))
        speaker = Target("team", config.team, pick="longest_idle", languages=(spoken,))
        return Verdict("language", (speaker, replace(anyone, code="no_speaker")))


def _is_spoken(language: str, facts: Facts, team_id: str) -> bool:
    """Whether anyone in the team speaks the language. If not, the trace need not list everyone twice."""
    team = facts.directory.teams.get(team_id)
    owners = [facts.directory.owners.get(member.owner) for member in team.members] if team else []
    primary = language.replace("_", "-").partition("-")[0].casefold()
    return any(owner is not None and primary in owner.languages for owner in owners)
