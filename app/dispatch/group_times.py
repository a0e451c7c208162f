"""What commit groups took lately, and how many jobs fit into one."""

from dataclasses import dataclass

MAX_JOBS = 256
"""Jobs in one commit group."""
DECIDING_SECONDS = 0.02
"""How long a group may decide before it is written; the rest of its jobs join the next group."""
MAX_DECIDING_SECONDS = 0.1
"""The same where everything else that a group does takes long."""
_MEMORY = 8
"""The jobs, or the groups, whose times weigh as much as those of all before them."""


@dataclass(slots=True)
class GroupTimes:
    """The mean times of one workspace in this process, in seconds. The newest weigh most.

    deciding: one decision.
    overhead: a group apart from its decisions: connection, lock, reads, writes, and what the process did
              for others in the meantime. While jobs wait, also since the group before it.
    """

    deciding: float = 0.0
    overhead: float = 0.0

    def note(self, decisions: int, deciding: float, total: float) -> None:
        """Take a finished group into account: `deciding` of its `total` seconds went into its decisions."""
        if not decisions:
            return
        known = self.deciding > 0
        weight = decisions / (decisions + _MEMORY) if known else 1.0
        self.deciding += weight * (deciding / decisions - self.deciding)
        weight = 2 / _MEMORY if known else 1.0
        self.overhead += weight * (max(0.0, total - deciding) - self.overhead)

    def deciding_seconds(self) -> float:
        """How long a group may decide: long enough that the rest of it is not most of its time."""
        return min(MAX_DECIDING_SECONDS, max(DECIDING_SECONDS, 2 * self.overhead))

    def group_size(self) -> int:
        """How many jobs can be decided in one group."""
        seconds = self.deciding_seconds()
        if self.deciding * MAX_JOBS <= seconds:
            return MAX_JOBS
        return max(1, round(seconds / self.deciding))
