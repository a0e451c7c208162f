"""How much of anything is let in: bodies, and failed authentications."""

from collections.abc import Callable
from dataclasses import dataclass, field

KIB = 1024


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a route reads: bytes, nesting, keys of an object, items of a list, bytes of a text, and how long.

    A list named by `apart` holds items of which a bad one spoils no other.
    """

    size: int = 64 * KIB
    depth: int = 32
    keys: int = 500
    items: int = 1000
    text: int = 8 * KIB
    seconds: float = 10.0
    apart: str | None = None


@dataclass(slots=True)
class FailureLimit:
    """At most `allowed` failures in a window of `window` seconds for each name; knows at most `names` names.

    When it is full the oldest window is forgotten, so memory stays bounded whoever attacks.
    """

    allowed: int
    window: float
    clock: Callable[[], float]
    names: int = 10_000
    _failures: dict[str, tuple[float, int]] = field(default_factory=dict)

    def wait(self, name: str) -> int:
        """Whole seconds until this name may fail again; 0 while it may."""
        began, count = self._failures.get(name, (0.0, 0))
        left = began + self.window - self.clock()
        return int(left) + 1 if count >= self.allowed and left > 0 else 0

    def failed(self, name: str) -> None:
        """Counts one failure."""
        now = self.clock()
        began, count = self._failures.pop(name, (now, 0))
        if now - began >= self.window:
            began, count = now, 0
        if len(self._failures) >= self.names:
            self._failures.pop(next(iter(self._failures)))
        self._failures[name] = (began, count + 1)
