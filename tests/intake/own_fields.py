"""The fields of a lead without those that intake makes of others."""

from collections.abc import Mapping
from typing import Any

from app.plan.language.fields import DERIVED


def own(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the lead was sent with."""
    return {name: value for name, value in values.items() if name not in DERIVED}
