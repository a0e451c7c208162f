"""The JSON Schema of a plan (2020-12).

Most of it comes from the pydantic models. The parts that are parsed by hand, such as conditions, carry a mark
in the models (`hand_written`) and are described here.
"""

from collections.abc import Iterator
from typing import Any, cast

from pydantic.json_schema import models_json_schema

from app.plan.document.follow_ups import ACTION_TYPES, CONSENTS, NEEDED
from app.plan.document.own_fields import TYPES
from app.plan.document.plan import PlanDocument
from app.plan.document.steps import BUILT_IN, StepConfig, Strategies
from app.plan.language.columns import MATCHERS, MAX_COLUMNS
from app.plan.language.contact import CHANNELS, TOPIC
from app.plan.language.fields import FOLLOW_UP, LEAD
from app.plan.language.occurrences import BOUNDS
from app.plan.language.operands import EXTENSION, NAMES

Schema = dict[str, Any]

_REFERENCE = "#/$defs/"


def plan_schema(strategies: Strategies = BUILT_IN) -> Schema:
    """The schema of a plan that may use these strategies."""
    models: list[type[PlanDocument] | type[StepConfig]] = [PlanDocument, *strategies.values()]
    _, whole = models_json_schema([(model, "validation") for model in models], by_alias=True)
    definitions = {"Condition": _condition(), **cast(Schema, whole["$defs"])}
    document = definitions.pop(PlanDocument.__name__)
    steps = [
        _object({name: _to(model.__name__)}, title=name, required=[name])
        for name, model in strategies.items()
    ]
    document["properties"]["pipeline"] |= {"minItems": 1, "items": {"oneOf": steps}}
    document, definitions = _filled(document), _filled(definitions)
    used = _used(document, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **document,
        "$defs": {name: definitions[name] for name in sorted(used)},
    }


def _filled(schema: Any) -> Any:
    """The schema with the hand-written parts in the place of their marks."""
    if isinstance(schema, list):
        return [_filled(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    filled = {key: _filled(each) for key, each in schema.items() if key != "$comment"}
    return {**_filled(_PARTS[schema["$comment"]]), **filled} if "$comment" in schema else filled


def _used(schema: Schema, definitions: Schema) -> set[str]:
    """The definitions that are used. pydantic also has some for types that exist only after parsing."""
    used: set[str] = set()
    waiting = set(_references(schema))
    while waiting:
        used |= waiting
        waiting = {name for each in waiting for name in _references(definitions[each])} - used
    return used


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(_REFERENCE)
        schema = list(schema.values())
    if isinstance(schema, list):
        for each in schema:
            yield from _references(each)


def _to(name: str) -> Schema:
    return {"$ref": _REFERENCE + name}


def _object(properties: Schema, **more: Any) -> Schema:
    """A closed object: no other properties are allowed unless `more` says so."""
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "minItems": 1, "items": items, **more}


def _condition() -> Schema:
    scalar = {"type": ["string", "number", "boolean", "null"]}
    operand = [scalar, _list(scalar)]
    operators = _object({name: {"anyOf": operand} for name in sorted(NAMES)}, minProperties=1)
    test = [*operand, operators]
    fields = {
        name: {"anyOf": test, "description": each.description} for name, each in FOLLOW_UP.fields.items()
    }
    fields["engagement"]["anyOf"] = [*test, _occurrences()]
    several = _list(_to("Condition"))
    exists = {"type": "string", "description": "True when the lead has the field of this name."}
    return _object(
        {"all": several, "any": several, "not": _to("Condition"), "exists": exists, **fields},
        description="True when all its keys are: {field: value}, {field: {operator: value}}, all, any, not, "
        "{exists: field}. A list as value means in, and null means missing. Strings ignore case.",
        minProperties=1,
        patternProperties={r"^(attributes|utm|scores|account\.(attributes|roles|crm))\..+$": {"anyOf": test}},
        additionalProperties={
            "anyOf": test,
            "description": "A field that the plan declares under `fields`.",
        },
    )


def _occurrences() -> Schema:
    number = {"type": "integer", "minimum": 0}
    bounds = _object(dict.fromkeys(BOUNDS, number), minProperties=1)
    return _object(
        {
            "name": {"type": "string", "description": "The name of the engagement. The default is any."},
            "within": {"type": "string", "description": "Count only engagements in this time before now."},
            "count": {"anyOf": [number, bounds], "description": "The number of engagements."},
        },
        description="How often the lead did something. The default of `count` is at least once.",
        minProperties=1,
    )


def _fields() -> Schema:
    value = {"type": ["string", "number", "boolean"]}
    word = {"type": "string", "minLength": 1, "maxLength": 255, "description": "The word."}
    when = {**_to("Condition"), "description": "The condition of the case. The default is every lead."}
    attribute = {
        "type": {"enum": list(TYPES), "description": "The type of the attribute."},
        "personal": {"type": "boolean", "description": "False if sentences may show its value."},
    }
    by_value = _object(
        {"from": {"type": "string", "description": "The field it is derived from."}},
        description="Words, each with the values of another field that give it.",
        required=["from"],
        additionalProperties={"anyOf": [value, _list(value)]},
    )
    by_case = _list(
        _object({"when": when, "value": word}, required=["value"]),
        description="Cases. The first one that is true gives the word.",
    )
    return {
        "type": "object",
        "patternProperties": {
            "^[A-Za-z][A-Za-z0-9_]*$": {"anyOf": [by_value, by_case]},
            r"^attributes(\..+)$": _object(attribute, required=["type"]),
        },
        "additionalProperties": False,
    }


def _action() -> Schema:
    needed = ", ".join(f"`{name}` of {kind}" for kind, name in NEEDED.items())
    extension = {"type": "string", "pattern": f"^{EXTENSION.pattern}$"}
    return _object(
        {
            "type": {"description": "What to do.", "anyOf": [{"enum": list(ACTION_TYPES)}, extension]},
            "due": {
                "type": ["string", "integer"],
                "pattern": "^(0|[0-9]{1,9}[smhdw]|accept|touch)$",
                "description": "When the action is due: a time after the decision, such as 15m, or accept or "
                "touch for the deadline of the SLA.",
            },
            "consent": {
                "enum": list(CONSENTS),
                "description": "The consent the action needs. Leads who have not given it do not get it.",
            },
            "contact": {
                "enum": list(CHANNELS),
                "description": "The channel through which the action contacts the person. The default is the "
                "consent; of a sequence `email`, of a chat `chat`.",
            },
            "topic": {
                "type": "string",
                "pattern": f"^{TOPIC.pattern}$",
                "description": "What the action is about. A person may want nothing of a topic.",
            },
            "transactional": {
                "type": "boolean",
                "description": "Whether it is sent whatever the person wants, such as a receipt. It counts "
                "for no cap.",
            },
            "without_consent": {
                "type": "object",
                "description": "The action that takes its place when the lead has not given the consent.",
            },
        },
        required=["type"],
        additionalProperties={
            "type": ["string", "number", "boolean"],
            "description": "A parameter. Strings may have {lead.…}, {owner.…}, {team}, {queue}, {path}, "
            f"{{rule}}. Required are {needed}. `change` of audience is add or remove.",
        },
    )


_PARTS: dict[str, Schema] = {
    "condition": _to("Condition"),
    "fields": _fields(),
    "action": _action(),
    "match_on": {
        "type": "object",
        "additionalProperties": {"enum": list(MATCHERS)},
        "minProperties": 1,
        "maxProperties": MAX_COLUMNS,
    },
    "lead": {
        "type": "object",
        "properties": {name: {} for name in sorted({name.partition(".")[0] for name in LEAD.fields})},
    },
    "next": {"anyOf": [{"const": "reroute"}, _to("Target")]},
    "rung": {"anyOf": [{"const": "delegate"}, _to("Hold"), _to("Target")]},
    "receiver": {"anyOf": [{"type": "string", "pattern": r"^account\..+$"}, _to("Target")]},
    "pipeline": {"type": "array"},
}
