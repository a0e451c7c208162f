"""Values in a plan that no lead can have, because every reader gives another form, or none."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain, islice

from app.engine.conditions.comparisons import index_key
from app.plan.document.plan import PlanDocument
from app.plan.document.targets import Target
from app.plan.findings import MAX_FINDINGS, Finding, join, quote, show
from app.plan.language.conditions import All, Any, Leaf, Node, Not
from app.plan.language.fields import EMAIL_FLAGS, FLAGS
from app.plan_check.parse import steps
from app.plan_check.places import conditions
from app.values.languages import read_language, unknown_languages
from app.values.states import STATE_COUNTRIES, is_same_state, known_names, read_state, tail

_TEXT_OPERATORS = frozenset(("prefix", "contains", "matches"))


def value_findings(document: PlanDocument) -> Iterator[Finding]:
    """The findings about values in conditions and about the languages of targets."""
    odd_states = 0
    for path, node in conditions(document):
        place = steps(path)
        rule = document.pipeline[int(place[1])].name if place[0] == "pipeline" else None
        for leaf, beside in _leaves(node, ()):
            find = _BY_FIELD.get(leaf.field)
            if leaf.field == "state" and odd_states >= MAX_FINDINGS:
                continue  # all of them are warnings, and looking for what was meant takes time
            found = find(leaf, beside) if find is not None and leaf.operator != "exists" else ()
            for each in chain(islice(found, MAX_FINDINGS), _doubled(leaf)):
                odd_states += each.code == "unknown_state"
                yield replace(each.under(leaf.path).under(path), rule=rule)
    for position, step in enumerate(document.pipeline):
        for start, ladder in step.config.ladders():
            for rung, target in enumerate(ladder):
                at = f"{start}.else[{rung - 1}]" if rung else start
                yield from language_findings(target, f"pipeline[{position}].{step.strategy}{at}")


def language_findings(target: Target, path: str) -> Iterator[Finding]:
    """Languages that a target requires and that are none: nobody speaks them."""
    for position, text in enumerate(target.languages):
        if unknown_languages(text):
            yield Finding(join(path, f"languages[{position}]"), "unknown_language", _unknown_language(text))


def _leaves(node: Node, beside: Sequence[Leaf]) -> Iterator[tuple[Leaf, Sequence[Leaf]]]:
    """Every comparison, with those that hold together with it."""
    match node:
        case Leaf():
            yield node, beside
        case Not(part):
            yield from _leaves(part, beside)
        case All(parts):
            together = [*beside, *(part for part in parts if isinstance(part, Leaf))]
            for part in parts:
                yield from _leaves(part, together)
        case Any(parts):
            for part in parts:
                yield from _leaves(part, beside)


def _operands(leaf: Leaf) -> list[tuple[str, str]]:
    """The texts that a field is compared with, each with its path below the leaf."""
    if not isinstance(leaf.operand, tuple):
        return [("", leaf.operand)] if isinstance(leaf.operand, str) else []
    return [(f"[{at}]", each) for at, each in enumerate(leaf.operand) if isinstance(each, str)]


def _country(leaf: Leaf, _beside: Sequence[Leaf]) -> Iterator[Finding]:
    if leaf.operator in _TEXT_OPERATORS:
        text = (
            f"`country` is a code of two letters, such as DE, so {leaf.operator} never finds a name."
            " List the countries instead, such as {country: [DE, Austria]}."
        )
        yield Finding("", "wrong_operator", text)


def _language(leaf: Leaf, _beside: Sequence[Leaf]) -> Iterator[Finding]:
    if leaf.operator in _TEXT_OPERATORS:
        text = (
            f"`language` is a code such as de, so {leaf.operator} never finds a name."
            " List the languages instead, such as {language: [de, English]}."
        )
        yield Finding("", "wrong_operator", text, "warning")
        return
    for place, text in _operands(leaf):
        if read_language(text) is None:
            yield Finding(place, "unknown_language", _unknown_language(text), value=show(text))


def _unknown_language(text: str) -> str:
    return f"Unknown language `{quote(text)}`. Use a tag, such as de, or the name of the language."


def _state(leaf: Leaf, beside: Sequence[Leaf]) -> Iterator[Finding]:
    if leaf.operator in _TEXT_OPERATORS:
        return
    countries = {
        country
        for each in beside
        if each.field == "country" and each.operator in ("eq", "in")
        for _, country in _operands(each)
    }
    for place, text in _operands(leaf):
        if read_state(text) is not None and not countries:
            continue
        if countries and (
            not countries <= STATE_COUNTRIES
            or any(read_state(text, country) is not None for country in countries)
        ):
            continue
        close = _close_names(text.casefold())
        if close or countries:
            hint = f" Did you mean {close[0].title()}?" if close else ""
            where = f" in {', '.join(sorted(countries))}" if countries else ""
            said = f"No state `{quote(text)}` is known{where}.{hint}"
            yield Finding(place, "unknown_state", said, "warning", value=show(text))


@lru_cache(1024)
def _close_names(text: str) -> list[str]:
    return get_close_matches(text, known_names(), 1, 0.85)


_LISTS = {
    "flags": FLAGS,
    "contact.email_flags": EMAIL_FLAGS,
    "geo_conflict_parts": ("state", "postal_code", "phone"),
}
"""The words of lists that intake makes."""


def _flags(leaf: Leaf, _beside: Sequence[Leaf]) -> Iterator[Finding]:
    known = _LISTS[leaf.field]
    for place, text in _operands(leaf):
        if text.casefold() not in known:
            close = get_close_matches(text.casefold(), known, 1)
            hint = f"Did you mean {close[0]}?" if close else f"Use one of {', '.join(known)}."
            yield Finding(place, "unknown_flag", f"Unknown flag `{quote(text)}`. {hint}", value=show(text))


_BY_FIELD: dict[str, Callable[[Leaf, Sequence[Leaf]], Iterator[Finding]]] = {
    "country": _country,
    "language": _language,
    "state": _state,
    "flags": _flags,
    "contact.email_flags": _flags,
    "geo_conflict_parts": _flags,
}


def _doubled(leaf: Leaf) -> Iterator[Finding]:
    """Values of one list that are the same once they are read, such as `CA` and `California`."""
    if not isinstance(leaf.operand, tuple) or leaf.operator not in ("in", "not_in"):
        return
    by_state = leaf.field == "state"
    seen: dict[object, list[object]] = {}
    for at, value in enumerate(leaf.operand):
        key = tail(str(value).casefold()) if by_state else (isinstance(value, bool), index_key(value))
        alike = seen.setdefault(key, [])
        earlier = next((each for each in alike if not by_state or is_same_state(str(each), str(value))), None)
        if earlier is not None:
            same = f" It is the same as `{quote(str(earlier))}`." if earlier != value else ""
            text = f"`{quote(str(value))}` is listed twice.{same} Remove one."
            yield Finding(f"[{at}]", "duplicate_value", text, "warning", value=show(value))
        alike.append(value)
