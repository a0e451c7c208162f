"""Reads a plan: text or plain data becomes a document, or a list of findings."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError
from pydantic.json_schema import models_json_schema

from app.plan.document.own_fields import ATTRIBUTES, declare_fields, read_own_fields
from app.plan.document.plan import PlanDocument
from app.plan.document.pydantic_errors import findings_of
from app.plan.document.steps import BUILT_IN, StepConfig, Strategies
from app.plan.findings import MAX_FINDINGS, Faults, Finding
from app.plan.language.fields import FOLLOW_UP, LEAD, PIPELINE, Field, labels
from app.plan.language.occurrences import BOUNDS
from app.plan.language.operands import NAMES
from app.plan.language.shapes import CONDITION_MARK, Parser
from app.plan.reader.text import check_data, load_plan_text


def read_plan(
    source: str | bytes | Mapping[str, object], strategies: Strategies = BUILT_IN
) -> PlanDocument | list[Finding]:
    """The document of a text (YAML or JSON) or of plain data, or the findings when it is not valid."""
    data = load_plan(source)
    if isinstance(data, list):
        return data
    try:
        return PlanDocument.model_validate(data, context=surroundings(data, strategies))
    except ValidationError as refused:
        return findings_of(refused)


def surroundings(data: Mapping[str, object], strategies: Strategies) -> Parser:
    """The fields of this plan: those of every plan, its own, and those its score steps add.

    Conditions need them, so they are collected before the plan is read. Faults are reported later.
    """
    try:
        own = read_own_fields(data.get("fields", {})).fields
    except Faults:
        own = declare_fields(data.get("fields"))
    labelled = _labels(data)
    typed = [each for each in own if each.name.startswith(ATTRIBUTES)]
    return Parser(
        strategies,
        lead=LEAD.extended(typed),
        pipeline=PIPELINE.extended([*own, *labelled]),
        follow_up=FOLLOW_UP.extended([*own, *labelled]),
        texts=LEAD.extended([*own, *labelled]),
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


def plan_schema(strategies: Strategies = BUILT_IN) -> dict[str, object]:
    """The JSON Schema (2020-12) of a whole plan with these strategies, descriptions included."""
    models: list[type[PlanDocument] | type[StepConfig]] = [PlanDocument, *strategies.values()]
    _, whole = models_json_schema([(model, "validation") for model in models], by_alias=True)
    definitions = cast(dict[str, Any], whole["$defs"])
    document = definitions.pop(PlanDocument.__name__)
    document["properties"]["pipeline"] |= {
        "minItems": 1,
        "items": {"oneOf": [_step_schema(name, model) for name, model in strategies.items()]},
    }
    linked = _linked({**document, "$defs": definitions})
    linked["$defs"]["Condition"] = _condition_schema()
    linked["$defs"] = _reached(linked)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **linked}


def _reached(schema: dict[str, Any]) -> dict[str, Any]:
    """The definitions something refers to: pydantic also tells those that only exist after reading."""
    definitions = schema["$defs"]
    found: dict[str, Any] = {}
    waiting = _references({key: each for key, each in schema.items() if key != "$defs"})
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = definitions[name]
            waiting |= _references(found[name])
    return dict(sorted(found.items()))


def _references(schema: object) -> set[str]:
    if isinstance(schema, list):
        return set().union(*(_references(each) for each in schema))
    if not isinstance(schema, dict):
        return set()
    own = {str(schema["$ref"]).removeprefix("#/$defs/")} if isinstance(schema.get("$ref"), str) else set()
    return own.union(*(_references(each) for each in schema.values()))


def _linked(schema: Any) -> Any:
    """The schema with a reference wherever a condition stands."""
    if isinstance(schema, list):
        return [_linked(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("$comment") != CONDITION_MARK:
        return {key: _linked(each) for key, each in schema.items()}
    return {**{key: each for key, each in schema.items() if key != "$comment"}, "$ref": "#/$defs/Condition"}


def _step_schema(name: str, model: type[StepConfig]) -> dict[str, object]:
    return {
        "type": "object",
        "title": name,
        "properties": {name: {"$ref": f"#/$defs/{model.__name__}"}},
        "required": [name],
        "additionalProperties": False,
    }


def _condition_schema() -> dict[str, object]:
    condition = {"$ref": "#/$defs/Condition"}
    scalar: dict[str, object] = {"type": ["string", "number", "boolean", "null"]}
    operand: dict[str, Any] = {"anyOf": [scalar, {"type": "array", "minItems": 1, "items": scalar}]}
    operators: dict[str, object] = {
        "type": "object",
        "minProperties": 1,
        "properties": dict.fromkeys(sorted(NAMES), operand),
        "additionalProperties": False,
    }
    test: dict[str, Any] = {"anyOf": [*operand["anyOf"], operators]}
    fields: dict[str, dict[str, Any]] = {
        name: {**test, "description": field.description} for name, field in FOLLOW_UP.fields.items()
    }
    fields["engagement"]["anyOf"] = [*test["anyOf"], _occurrences_schema()]
    several = {"type": "array", "minItems": 1, "items": condition}
    return {
        "type": "object",
        "description": "Holds when all its keys hold: {field: value}, {field: {operator: value}}, all, any, "
        "not, {exists: field}. A list as value means in, null means missing; text compares without case.",
        "minProperties": 1,
        "properties": {
            "all": several,
            "any": several,
            "not": condition,
            "exists": {"type": "string", "description": "The field of this name is there."},
            **fields,
        },
        "patternProperties": {
            r"^(attributes|utm|scores|account\.(attributes|roles|crm))\..+$": test,
        },
        "additionalProperties": {**test, "description": "A field that the plan declares under `fields`."},
    }


def _occurrences_schema() -> dict[str, object]:
    number = {"type": "integer", "minimum": 0}
    bounds = {
        "type": "object",
        "minProperties": 1,
        "properties": dict.fromkeys(BOUNDS, number),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "description": "How often the lead did something: at least once unless `count` says otherwise.",
        "minProperties": 1,
        "properties": {
            "name": {"type": "string", "description": "Its name; any when left out."},
            "within": {"type": "string", "description": "Only in this time before the decision."},
            "count": {"anyOf": [number, bounds], "description": "How often."},
        },
        "additionalProperties": False,
    }
