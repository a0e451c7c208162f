"""Reads a plan: text or plain data becomes a document, or a list of findings."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from app.plan.document.own_fields import ATTRIBUTES, declare_fields, read_own_fields
from app.plan.document.plan import PlanDocument
from app.plan.document.pydantic_errors import findings_of
from app.plan.document.steps import BUILT_IN, Strategies
from app.plan.findings import MAX_FINDINGS, Faults, Finding
from app.plan.language.fields import FOLLOW_UP, LEAD, PIPELINE, Field, labels
from app.plan.language.shapes import PlanContext
from app.plan.reader.text import check_data, load_plan_text


def read_plan(
    source: str | bytes | Mapping[str, object], strategies: Strategies = BUILT_IN, *, stored: bool = False
) -> PlanDocument | list[Finding]:
    """The document of a text (YAML or JSON) or of plain data, or the findings when it is not valid.

    A `stored` plan was valid once and is read as it was then.
    """
    data = load_plan(source)
    if isinstance(data, list):
        return data
    try:
        return PlanDocument.model_validate(
            data, context=replace(plan_context(data, strategies), stored=stored)
        )
    except ValidationError as refused:
        return findings_of(refused, model=PlanDocument)


def plan_context(data: Mapping[str, object], strategies: Strategies) -> PlanContext:
    """The fields of this plan: those of every plan, its own, and those its score steps add.

    Conditions need them, so they are collected before the plan is read. Faults are reported later.
    """
    try:
        own = read_own_fields(data.get("fields", {})).fields
    except Faults:
        own = declare_fields(data.get("fields"))
    labeled = _labels(data)
    typed = [each for each in own if each.name.startswith(ATTRIBUTES)]
    return PlanContext(
        strategies,
        lead=LEAD.extended(typed),
        pipeline=PIPELINE.extended([*own, *labeled]),
        follow_up=FOLLOW_UP.extended([*own, *labeled]),
        texts=LEAD.extended([*own, *labeled]),
    )


def _labels(data: Mapping[str, object]) -> tuple[Field, ...]:
    """The fields that the score steps add, as far as the data is valid."""
    steps, scores = data.get("pipeline"), data.get("scores")
    configs = [
        each["score"]
        for each in (steps if isinstance(steps, list) else ())
        if isinstance(each, Mapping) and isinstance(each.get("score"), Mapping)
    ]
    if not configs:
        return ()
    bands = [band for config in configs for band in _names(config.get("bands"))]
    return labels(bands, _names(scores))


def _names(written: object) -> list[str]:
    return [name for name in written if isinstance(name, str)] if isinstance(written, Mapping) else []


def load_plan(source: str | bytes | Mapping[str, object]) -> dict[str, object] | list[Finding]:
    """The plain data of a plan, ready to store as JSON, or the findings when the text is not valid."""
    try:
        data = load_plan_text(source) if isinstance(source, (str, bytes)) else source
        check_data(data)
    except Faults as refused:
        return list(refused.findings)[:MAX_FINDINGS]
    if not isinstance(data, Mapping):
        return [Finding("", "wrong_type", "The plan must be a mapping with a pipeline.")]
    return dict(data)
