"""The plan's reference: keys from the JSON Schema, operators, fields, placeholders and findings."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from app.plan.findings import CODES
from app.plan.language.durations import format_duration
from app.plan.language.fields import FOLLOW_UP, LEAD, Field, Kind
from app.plan.language.operands import OPERATORS
from app.plan.language.templates import OWNER, SETTLED
from app.plan_check.parse import schema
from app.registry import strategies
from docs.generator.tables import meanings, table

Schema = Mapping[str, Any]
_REFERENCE = "#/$defs/"
_DURATION = TypeAdapter(timedelta)
_ISO_DURATION = re.compile(r"-?P[0-9T].*")
_AFTER_THE_WHOLE = (
    "Queue",
    "MaxWait",
    "ClaimTerms",
    "Path",
    "Accountable",
    "Product",
    "Sla",
    "SlaRule",
    "RejectReason",
    "ReturningLeads",
    "RerouteWhen",
    "ProbablePersons",
    "SameCompany",
    "Accounts",
    "JunkSettings",
    "Velocity",
    "PerSubject",
    "Enrichment",
    "ProviderEntry",
)
_AFTER_THE_STEPS = (
    "Target",
    "FollowUpBlock",
    "PlanTest",
    "Given",
    "ExistingLead",
    "GivenAccount",
    "Expectation",
)
_AFTER_A_STEP = {"account": ("Customers", "Hold"), "score": ("Band", "PointsRow")}
_TITLES = {
    "FollowUpBlock": "A block of `follow_up`",
    "PlanTest": "A case of `tests`",
    "SlaRule": "A line of `sla_rules`",
    "RerouteWhen": "A line of `reroute_when`",
}
_MARKS = {
    "Band": "bands.<name>",
    "Path": "paths.<name>",
    "Product": "products.<name>",
    "Queue": "queues.<name>",
    "MaxWait": "max_wait",
    "ClaimTerms": "claim",
    "RejectReason": "reject_reasons.<name>",
    "Sla": "slas.<name>",
    "ReturningLeads": "returning_leads",
    "SameCompany": "same_company",
    "ProbablePersons": "probable",
    "Accounts": "accounts",
    "JunkSettings": "junk",
    "Velocity": "velocity",
    "PerSubject": "per",
    "Enrichment": "enrichment",
    "ProviderEntry": "providers[]",
    "Customers": "customers",
}


def keys() -> str:
    """Every key of a plan: one section for each part."""
    whole = schema(strategies())
    parts: dict[str, Any] = whole["$defs"]  # type: ignore[assignment]
    found = [("The plan", whole), *((_title(name), parts[name]) for name in _AFTER_THE_WHOLE)]
    for name, strategy in strategies().items():
        found.append((f"The step `{name}`", parts[strategy.Config.__name__]))
        found += [(_title(part), parts[part]) for part in _AFTER_A_STEP.get(name, ())]
    found += [(_title(name), parts[name]) for name in _AFTER_THE_STEPS]
    found.append(("An action of `do`", parts["FollowUpBlock"]["properties"]["do"]["items"]))
    return "\n\n".join(_section(title, part, parts) for title, part in found)


def _title(name: str) -> str:
    return _TITLES.get(name) or (f"`{_MARKS[name]}`" if name in _MARKS else _words(name))


def _words(name: str) -> str:
    """`FollowUpBlock` as two words."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return words[0] + words[1:].lower()


def _section(title: str, part: Schema, parts: Schema) -> str:
    required = part.get("required", ())
    rows = [
        (f"`{name}`", _type(each), _default(name, each, required), _meaning(each, parts))
        for name, each in part["properties"].items()
    ]
    others = part.get("additionalProperties")
    if isinstance(others, dict):
        rows.append(("any other", _type(others), "", others.get("description", "")))
    said = part.get("description", "")
    head = f"### {title}\n\n" + (f"{said}\n\n" if said else "")
    return head + table(("key", "type", "default", "meaning"), rows)


def _meaning(each: Schema, parts: Schema) -> str:
    """What is said of the key, else of the part it leads to."""
    part = parts.get(str(each.get("$ref")).removeprefix(_REFERENCE), {})
    return str(each.get("description") or part.get("description", ""))


def _default(name: str, each: Schema, required: object) -> str:
    if isinstance(required, (list, tuple)) and name in required:
        return "required"
    default = each.get("default")
    if default is None or default in ([], {}):
        return ""
    if isinstance(default, str) and _ISO_DURATION.fullmatch(default):
        distance = _DURATION.validate_python(default)
        if timedelta() < distance < timedelta(seconds=1):
            return f"`{distance // timedelta(milliseconds=1)}ms`"
        return (
            f"`-{format_duration(-distance)}`" if distance < timedelta() else f"`{format_duration(distance)}`"
        )
    return f"`{default}`"


def _type(each: Schema) -> str:
    if "$ref" in each:
        return _words(str(each["$ref"]).removeprefix(_REFERENCE)).lower()
    if "enum" in each:
        return " or ".join(f"`{value}`" for value in each["enum"])
    if "anyOf" in each:
        return " or ".join(dict.fromkeys(_alternatives(each["anyOf"])))
    if "const" in each:
        return f"`{each['const']}`"
    match each.get("type"):
        case "array":
            return _list(each["items"])
        case "object":
            return _object(each)
        case "integer" if "minimum" in each:
            return f"integer {each['minimum']} to {each['maximum']}"
        case "string" | ["string", "integer"]:
            return _text(each)
        case [*several]:
            return " or ".join(map(str, several))
        case kind:
            return str(kind)


def _text(each: Schema) -> str:
    """What kind of text it is; durations and the words of one's own are told by their patterns."""
    pattern = str(each.get("pattern"))
    if pattern.startswith(("^(0|", "^[0-9]")):
        return "duration"
    if pattern.startswith("^([1-9][0-9]?%|"):
        return "share or duration"
    if pattern.endswith("/h$"):
        return "points per hour"
    if "examples" in each:
        return "string" if "pattern" in each else "timestamp"
    return "`x-…`" if pattern.startswith("^x-") else "string"


def _alternatives(options: list[Schema]) -> Iterator[str]:
    yield from (_type(option) for option in options if option.get("type") != "null")


def _list(items: Schema) -> str:
    if "oneOf" in items:
        return "step[]"
    if "properties" in items:
        return "action[]" if "type" in items["properties"] else "case[]"
    kind = _type(items)
    return f"({kind})[]" if " or " in kind else f"{kind}[]"


def _object(each: Schema) -> str:
    values = next(iter(each.get("patternProperties", {}).values()), None)
    return f"mapping of name to {_type(values)}" if values else "mapping"


def operators() -> str:
    """Which operators fit which type of field."""
    rows = ((str(kind), " ".join(f"`{name}`" for name in names)) for kind, names in OPERATORS.items())
    return table(("type of field", "operators"), rows)


def fields() -> str:
    """The field catalog: of a lead, and what else a follow-up may ask."""
    of_lead = [*LEAD.fields.values(), *(_free(name, each) for name, each in LEAD.free.items())]
    lead = table(_HEAD, map(_row, of_lead))
    also = [each for name, each in FOLLOW_UP.fields.items() if name not in LEAD.fields]
    also += [_free(name, each) for name, each in FOLLOW_UP.free.items() if name not in LEAD.free]
    return f"{lead}\n\nBeside the lead's own fields:\n\n{table(_HEAD, map(_row, also))}"


_HEAD = ("field", "type", "personal", "meaning")


def _free(name: str, each: Field) -> Field:
    return Field(f"{name}.…", each.kind, each.description, each.personal)


def _row(field: Field) -> tuple[str, str, str, str]:
    choices = ", ".join(f"`{choice}`" for choice in field.choices)
    more = ", or `x-…`" if field.extensible else ""
    meaning = f"{field.description} One of {choices}{more}." if choices else field.description
    return f"`{field.name}`", str(field.kind), "yes" if field.personal else "", meaning


def placeholders() -> str:
    """What the texts of an action may hold."""
    rows = [
        ("`{lead.…}`", f"any field of the lead that is not {Kind.OBJECTS}"),
        ("`{account.…}`", "any field of the lead's account"),
        (" ".join(f"`{{owner.{name}}}`" for name in OWNER), "the chosen owner"),
        ("`{owner.crm.…}`", "the owner's id in a CRM, by the CRM's name"),
        (" ".join(f"`{{{name}}}`" for name in SETTLED), "how the lead was settled, and what happened"),
    ]
    return table(("placeholder", "what it is"), rows)


def findings() -> str:
    """Codes of findings."""
    return meanings(CODES)
