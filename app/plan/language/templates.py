"""Templates: `Call {lead.first_name} now`. `{{` and `}}` are literal braces."""

import re
from dataclasses import dataclass

from app.plan.findings import fault, quote
from app.plan.language.fields import ACCOUNT, LEAD, Catalog, Kind

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")

OWNER = ("id", "name", "email", "timezone")
SETTLED = ("team", "queue", "path", "rule", "step", "outcome", "trigger")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value to fill in, by its dotted name."""

    name: str


Template = tuple[str | Placeholder, ...]


def parse_template(text: str, lead: Catalog = LEAD) -> Template:
    """The parts of a template. Raises Faults for an unmatched brace and for an unknown value."""
    parts: list[str | Placeholder] = []
    end = 0
    for token in _TOKEN.finditer(text):
        parts.append(text[end : token.start()])
        parts.append(_part(token, lead))
        end = token.end()
    parts.append(text[end:])
    return tuple(part for part in parts if part != "")


def _part(token: re.Match[str], lead: Catalog) -> str | Placeholder:
    if token[0] in ("{{", "}}"):
        return token[0][0]
    if token[1] is None:
        raise fault("invalid_template", "Unmatched brace. Use {{ or }} for a literal brace.")
    name = token[1].strip()
    if not _known(name, lead):
        raise fault(
            "unknown_placeholder",
            f"Unknown value {{{quote(name)}}}. Use lead.…, account.…, owner.…, team, queue, path or rule.",
        )
    return Placeholder(name)


def _known(name: str, lead: Catalog) -> bool:
    root, _, rest = name.partition(".")
    if root == "lead":
        field = lead.find(rest)
        return field is not None and field.kind is not Kind.OBJECTS
    if root == "account":
        return ACCOUNT.find(name) is not None
    if root == "owner":
        return rest in OWNER or (rest.startswith("crm.") and len(rest) > len("crm."))
    return name in SETTLED
