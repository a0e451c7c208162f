"""What is done now and then in each workspace."""


class Every:
    """When something is done again in each workspace, so many seconds after it was done.

    The times are of any clock, always the same. Where a workspace's time is set back, nothing waits for long.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next: dict[int, float] = {}

    def is_time(self, workspace_id: int, now: float) -> bool:
        """Whether it is time to do it."""
        due = self._next.get(workspace_id)
        return due is None or now >= due or now < due - 2 * self._seconds

    def done(self, workspace_id: int, now: float) -> None:
        """It was done."""
        self._next[workspace_id] = now + self._seconds

    def again(self, workspace_id: int) -> None:
        """Do it again at once."""
        self._next.pop(workspace_id, None)
