"""The mapping of an endpoint: what it was given, over the default of its kind."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson
from pydantic import ValidationError

from app.contract.crm_mapping import CrmMapping
from app.contract.endpoints import FORM_KINDS
from app.contract.faults import MAX_ERRORS, validation_failed
from app.contract.form_mapping import FormMapping, unreadable_paths
from app.errors import Path, ValidationFailed
from app.webhooks.default_mappings import DEFAULTS

_MERGED_BY_KEY = ("fields", "events", "stages", "when", "reached_when")


def check_mapping(kind: str, sent: Mapping[str, Any], root: Path = ("mapping",)) -> None:
    """Raises ValidationFailed for a mapping that an endpoint of this kind cannot have."""
    if kind not in FORM_KINDS:
        read_mapping(kind, sent, root)
        return
    try:
        FormMapping.model_validate(sent)
    except ValidationError as refused:
        raise validation_failed(refused, root) from None
    faults = [replace(fault, path=(*root, *fault.path)) for fault in unreadable_paths(sent)]
    if faults:
        raise ValidationFailed(faults=faults[:MAX_ERRORS])


def read_mapping(kind: str, sent: Mapping[str, Any], root: Path = ("mapping",)) -> CrmMapping:
    """The mapping that an endpoint was given, over the default of its kind.

    Raises ValidationFailed, with paths that begin with `root`.
    """
    try:
        return _checked(kind, orjson.dumps(sent, option=orjson.OPT_SORT_KEYS))
    except ValidationError as refused:
        raise validation_failed(refused, root) from None


@lru_cache(maxsize=256)
def _checked(kind: str, sent: bytes) -> CrmMapping:
    return CrmMapping.model_validate(_merged(DEFAULTS.get(kind, {}), orjson.loads(sent)))


def _merged(default: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**default, **sent}
    given = sent.get("objects")
    if given is None or not isinstance(given, dict):
        return {**merged, "objects": default.get("objects", {})} if given is None else merged
    objects = dict(default.get("objects", {}))
    for name, one in given.items():
        objects[name] = _merged_object(objects.get(name, {}), one) if isinstance(one, dict) else one
    return {**merged, "objects": objects}


def _merged_object(default: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Key by key. An object that is something else now keeps nothing of the default."""
    if sent.get("as") not in (None, default.get("as")):
        return dict(sent)
    merged = {**default, **sent}
    for part in _MERGED_BY_KEY:
        if isinstance(sent.get(part), dict):
            merged[part] = {**default.get(part, {}), **sent[part]}
    return merged
