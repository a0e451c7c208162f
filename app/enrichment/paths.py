"""Where a value stands in an answer: `company.size`, `results[0].name`."""

import re
from collections.abc import Mapping
from typing import Any

_STEP = re.compile(r"(?:^|\.)([^.\[\]]+)|\[([0-9]{1,4})\]")


def is_path(text: str) -> bool:
    """Whether a text is such a path."""
    text = text.removeprefix("$.")
    return bool(text) and sum(len(step[0]) for step in _STEP.finditer(text)) == len(text)


def value_at(document: Any, path: str) -> Any:
    """The value at a path; None if the path leads nowhere."""
    place = document
    for step in _STEP.finditer(path.removeprefix("$.")):
        name, number = step.groups()
        if name is not None:
            place = place.get(name) if isinstance(place, Mapping) else None
        else:
            position = int(number)
            place = place[position] if isinstance(place, list) and position < len(place) else None
    return place
