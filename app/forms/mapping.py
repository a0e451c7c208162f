"""The mapping of a form's endpoint, in the form in which its kind uses it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from app.contract.form_mapping import FormMapping
from app.forms.vendors.base import FormMap


def form_map(stored: Mapping[str, Any]) -> FormMap:
    """The mapping that an endpoint was given. Raises pydantic's ValidationError if it cannot be read."""
    return _read(orjson.dumps(stored, option=orjson.OPT_SORT_KEYS))


@lru_cache(maxsize=256)
def _read(stored: bytes) -> FormMap:
    mapping = FormMapping.model_validate(orjson.loads(stored))
    return FormMap(**{name: getattr(mapping, name) for name in FormMapping.model_fields})
