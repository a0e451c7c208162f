"""Which steps, teams and reject reasons of a workspace have series of their own."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

MAX_NAMES = 50
"""So many of each kind. All others are counted as `other`."""
MAX_QUEUES = 200
"""Leads in further queues are counted under `other`."""
OTHER = "other"
NO_TEAM = "none"


@dataclass(frozen=True, slots=True)
class LabelNames:
    """The names that are labels. They are stored with a version of the plan, so all processes have the same.

    `queues` are the queues that the version declares; a queue has series while leads wait there as well.
    """

    steps: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The stored form."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> "LabelNames":
        """Read the stored form. A version that was never published has no names."""
        return cls(**{kind: tuple(names) for kind, names in (stored or {}).items()})

    def renewed(
        self,
        steps: Iterable[str],
        teams: Iterable[str],
        reasons: Iterable[str],
        queues: Iterable[str],
        other_teams: Iterable[str] = (),
    ) -> "LabelNames":
        """The names of the next version, whose names of each kind are given in its order.

        A name that is still there keeps its series, so that an edit of the plan does not end other series.
        `other_teams`, which the plan does not name, get what places are left.
        """
        chosen = _chosen(self.teams, teams)
        left = [team for team in other_teams if team not in chosen and team not in (OTHER, NO_TEAM)]
        return LabelNames(
            _chosen(self.steps, steps),
            (*chosen, *left[: MAX_NAMES - len(chosen)]),
            _chosen(self.reasons, reasons),
            tuple(list(queues)[:MAX_QUEUES]),
        )


def _chosen(before: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    present = dict.fromkeys(name for name in names if name not in (OTHER, NO_TEAM))
    kept = [name for name in before if name in present]
    places = dict.fromkeys([*kept, *present])
    chosen = set(list(places)[:MAX_NAMES])
    return tuple(name for name in present if name in chosen)
