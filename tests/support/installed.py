"""The strategies that are installed. To look for them takes longer than most tests of decisions."""

import sys
from collections.abc import Mapping
from functools import cache

from app.engine.compile.plan import Strategy
from app.registry import strategies


def installed() -> Mapping[str, Strategy]:
    """Those that this process finds, looked for once for each path of imports."""
    return _on(tuple(sys.path))


@cache
def _on(path: tuple[str, ...]) -> Mapping[str, Strategy]:
    return strategies()
