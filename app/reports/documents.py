"""What facts take from the documents of a decision: names of marketing, and how it was decided."""

import math
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import orjson

from app.engine.conditions.comparisons import as_timestamp
from app.store.reports.fact_rows import OTHER_NAME
from app.store.reports.fact_sources import AssignmentRecord, Documents
from app.store.stored_bytes import unpack
from app.values.numbers import bounds_of

MAX_NAME = 100
_DATE = re.compile(
    r"(?<![\d+(])(?<!\d[-./ )])(?:19|20)\d\d([-._]?)(?:0[1-9]|1[0-2])(?:\1(?:0[1-9]|[12]\d|3[01]))?"
    r"(?![-./ ]?\d)"
)
"""A date that stands alone, as campaigns have it: its digits are no phone number."""
_PERSONAL = re.compile(r"@|(?:\d[\s().+/-]*){7,}")


def documents_of(record: AssignmentRecord) -> Documents:
    """What the documents of a decision say: as its fact has it already, else as they are now."""
    if record.known is not None:
        return record.known
    inputs, response = _decoded(record.inputs), _decoded(record.response)
    question = inputs.get("question", {})
    values: Mapping[str, Any] = question.get("values") or {}
    steps = (response.get("trace") or {}).get("steps", ())
    labels = [step["labels"] for step in steps if step.get("labels")]
    return Documents(
        source=name_of(values.get("source") or utm(values, "source")),
        campaign=name_of(values.get("campaign") or utm(values, "campaign")),
        channel=name_of(values.get("channel")),
        lead_type=name_of(values.get("lead_type")),
        band=name_of(next((each["band"] for each in reversed(labels) if each.get("band")), None)),
        account_status=name_of(_account_status(question, values)),
        trigger=name_of(values.get("trigger")),
        strategy=next((step.get("strategy") for step in steps if step.get("step") == record.step), None),
        score=next(chain(_scores(labels), _sent_score(values)), None),
        tags_conflict=_conflict(values),
        form=_form(values),
        submitted_at=as_timestamp(values.get("submitted_at")),
        junk_parts=sorted((response.get("junk") or {}).get("parts", ())),
        action_types=sorted({action["type"] for action in response.get("actions", ())}),
    )


def _decoded(stored: bytes | None) -> Mapping[str, Any]:
    found: Mapping[str, Any] = orjson.loads(unpack(stored)) if stored else {}
    return found


def name_of(sent: object) -> str | None:
    """A name as facts hold it: at most 100 characters, and nothing that looks like a person's address."""
    if not isinstance(sent, str) or not sent.strip():
        return None
    name = sent.strip()
    return OTHER_NAME if _PERSONAL.search(_DATE.sub(" ", name)) else name[:MAX_NAME].replace("\0", "")


def _form(values: Mapping[str, Any]) -> str | None:
    """The form. Tools number theirs, so digits alone are a name, unless they are of the phone number."""
    sent = values.get("form")
    number = sent.strip() if isinstance(sent, str) else ""
    if number.isdecimal() and not str(values.get("phone", "")).endswith(number.lstrip("0")):
        return number[:MAX_NAME]
    return name_of(sent)


def utm(values: Mapping[str, Any], tag: str) -> str | None:
    """A UTM tag, by its short or its full name in any case."""
    tags = values.get("utm")
    if not isinstance(tags, Mapping):
        return None
    wanted = (tag, f"utm_{tag}")
    return next((value for name, value in tags.items() if name.lower() in wanted and value), None)


def _account_status(question: Mapping[str, Any], values: Mapping[str, Any]) -> object:
    account = (question.get("account") or {}).get("account") or {}
    return account.get("customer_status") or values.get("customer_status")


def _scores(labels: list[Mapping[str, Any]]) -> Iterator[float]:
    """The total of the last score step that has one."""
    for each in reversed(labels):
        total = (each.get("scores") or {}).get("total")
        if isinstance(total, (int, float)):
            yield float(total)


def _sent_score(values: Mapping[str, Any]) -> Iterator[float]:
    """The score that came with the lead, of a range the lower bound; for leads that no step scores."""
    bounds = bounds_of(values.get("score"))
    if bounds is not None and math.isfinite(bounds[0]):
        yield float(bounds[0])


def _conflict(values: Mapping[str, Any]) -> bool:
    """Whether what was sent about the origin of the lead disagrees.

    Leads of earlier versions only tell whether source or campaign is another one than the UTM tag says.
    """
    if isinstance(origin := values.get("attribution"), Mapping):
        return bool(origin.get("conflicts"))
    for name in ("source", "campaign"):
        sent, tag = values.get(name), utm(values, name)
        if isinstance(sent, str) and tag and sent.strip().casefold() != str(tag).strip().casefold():
            return True
    return False
