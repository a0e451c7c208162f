"""The protocol between the service and the process of a plugin: frames of a length and a body.

Messages to the process are pickles, because it runs our own code on our own values. Replies are JSON and are
not trusted.
"""

import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from app.plan.document.plan import PlanDocument
from app.plan.document.steps import StepConfig

LENGTH = struct.Struct(">I")
MAX_REPLY_BYTES = 1 << 18
"""Bytes. No verdict is longer."""

StepKey = tuple[int, int, str]
"""Workspace, version of the plan, and name of the step."""


@dataclass(frozen=True, slots=True)
class StepSettings:
    """The settings of a step, once for each process and version of the plan."""

    step: StepKey
    config: StepConfig
    document: PlanDocument | None


@dataclass(frozen=True, slots=True)
class Ask:
    """One lead. Directory and state are pickles, left out when the process has them already."""

    step: StepKey
    now: datetime
    values: Mapping[str, Any]
    directory: bytes | None
    state: bytes | None


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop all settings and snapshots; those still needed are sent again."""


Message = StepSettings | Ask | Forget
"""What the service sends. Each message gets one frame in reply."""


def packed(value: object) -> bytes:
    """A value as bytes for the process."""
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def unpacked(raw: bytes) -> Any:
    """The value, as a copy of its own."""
    return pickle.loads(raw)  # noqa: S301  written by `packed`, in the service that started this process


def framed(body: bytes) -> bytes:
    """The body with its length before it."""
    return LENGTH.pack(len(body)) + body


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next body, None at the end."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None
