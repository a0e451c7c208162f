"""The import of a rule: the files of the new plan, and what people should know about it."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.plan.language.fields import Kind
from app.salesforce.assignment_rules import AssignmentRule, choose_rule, read_rules
from app.salesforce.entries import PlannedEntry, plan_entries
from app.salesforce.fields import NAMES_OF_RECORD_TYPES, NAMES_OF_USERS, FieldMap
from app.salesforce.plan_draft import CRM, DEFAULT, UNCERTAIN, Draft
from app.salesforce.plan_text import plan_text
from app.salesforce.territory_tables import OfferedTable, offered_tables

_SENT_AS: Mapping[Kind, str] = {
    Kind.STRING: "text", Kind.INTEGER: "a number", Kind.NUMBER: "a number", Kind.BOOLEAN: "true or false",
    Kind.TIMESTAMP: "a date", Kind.STRINGS: "a list of texts",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller says about the import."""

    rule: str | None = None
    default_owner: str | None = None
    hold_uncertain: bool = False


@dataclass(frozen=True, slots=True)
class ImportedPlan:
    """The files by their path, and the report line by line."""

    files: Mapping[str, str]
    report: Sequence[str]


def import_rules(raw: bytes, fields: FieldMap, options: Options) -> ImportedPlan:
    """Turn the active rule of a file into a plan. Raises UnreadableFile."""
    rules = read_rules(raw)
    rule = choose_rule(rules, options.rule)
    draft = Draft(rule, plan_entries(rule, fields), options.default_owner, options.hold_uncertain)
    plan = draft.document()
    tables = offered_tables([step["rule"] for step in plan["pipeline"] if "rule" in step])
    files = {
        "plan.yaml": plan_text(_head(rule), plan, _comments(draft, plan["pipeline"])),
        "owners.csv": _owners(draft),
        **{table.path: table.text for table in tables},
    }
    tests = len(plan.get("tests", ()))
    return ImportedPlan(files, list(_report(draft, rules, tables, tests)))


def _head(rule: AssignmentRule) -> list[str]:
    return [
        f"Imported from the Salesforce lead assignment rule {rule.name}.",
        "Each rule stands for one entry, and the lines above it are what Salesforce has there.",
    ]


def _comments(
    draft: Draft, steps: Sequence[Mapping[str, Mapping[str, str]]]
) -> dict[tuple[str, int], list[str]]:
    """The entry above its rule. Entries that are not in the plan stand where their rule would."""
    places = {step["rule"]["name"]: at for at, step in enumerate(steps) if "rule" in step}
    found: dict[tuple[str, int], list[str]] = {}
    waiting: list[str] = []
    for each in draft.planned.entries:
        waiting += _entry_comment(each)
        if each.name in places:
            found["pipeline", places[each.name]] = waiting
            waiting = []
    if waiting:
        after = max((at for _, at in found), default=-1) + 1
        found.setdefault(("pipeline", after), []).extend(waiting)
    return found


def _entry_comment(each: PlannedEntry) -> list[str]:
    entry = each.entry
    start = f"Entry {entry.number}, line {entry.line}"
    head = f"{start}, is left out: {each.dropped}." if each.dropped else f"{start}:"
    parts = [f"  not carried over: {part.text} ({part.reason})" for part in each.missing]
    return [head, *(f"  {line}" for line in entry.lines()), *parts]


def _owners(draft: Draft) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("id", "name", "email", f"crm.{CRM}"))
    for user, id_ in draft.owners.items():
        writer.writerow((id_, user, user if "@" in user else "", user))
    return text.getvalue()


def _report(
    draft: Draft, rules: Sequence[AssignmentRule], tables: Sequence[OfferedTable], tests: int
) -> Iterator[str]:
    entries = draft.planned.entries
    yield (
        f"Rule {draft.rule.name!r}: {_count(len(entries), 'entries', 'entry')} became"
        f" {_count(len(draft.kept()), 'rules')}, {_count(len(draft.owners), 'owners')},"
        f" {_count(len(draft.queues), 'queues')} and {_count(tests, 'tests')}."
    )
    others = [repr(rule.name) for rule in rules if rule is not draft.rule]
    if others:
        yield f"Other rules of the file are not imported: {', '.join(others)}."
    if not draft.rule.active:
        yield "This rule is not active in Salesforce."
    yield from _section("The caller must send:", _sent(draft))
    yield from _section("Not carried over. Each part holds when the caller says so:", _uncarried(draft))
    yield from _section("Left out of the plan:", _left_out(draft))
    yield from _section("Please check:", _notes(draft))
    yield from _section("Offered as tables:", (line for table in tables for line in table.lines()))


def _count(number: int, several: str, one: str | None = None) -> str:
    """`2 rules`, or `1 rule`."""
    return f"{number:,} {several if number != 1 else one or several.removesuffix('s')}"


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield title
        yield from (f"  {line}" for line in found)


def _sent(draft: Draft) -> Iterator[str]:
    """The fields that the rules read."""
    writer = draft.planned.writer
    for name, field in sorted(writer.used.items()):
        sources = ", ".join(writer.sources[name])
        yield f"{name}: {sources}, as {_SENT_AS.get(field.kind, field.kind.value)}{_manner(sources)}"
    for each, part in draft.planned.missing:
        yield f"{part.attribute}: true or false, for entry {each.entry.number} (see below)"
    if any(each.entry.assigned_to is None for each in draft.kept()):
        yield f"crm.owner_id: Lead.Owner, as the user name, for entries that keep the owner (else {DEFAULT})"


def _manner(sources: str) -> str:
    names = {each.removeprefix("Lead.") for each in sources.split(", ")}
    if names & NAMES_OF_USERS:
        return ": the name of the user, as the rule writes it"
    return ": the name of the record type, as the rule writes it" if names & NAMES_OF_RECORD_TYPES else ""


def _uncarried(draft: Draft) -> Iterator[str]:
    for each, part in draft.planned.missing:
        yield f"entry {each.entry.number}: {part.text}"
        yield f"  {part.reason}. Send {part.attribute}."
    for each in draft.planned.entries:
        for ignored in each.entry.ignored:
            yield f"entry {each.entry.number}: {ignored} has no meaning in a plan."
    if draft.hold_uncertain and draft.planned.missing:
        yield f"Leads of which the caller says nothing wait in queue {UNCERTAIN}."


def _left_out(draft: Draft) -> Iterator[str]:
    for each in draft.planned.entries:
        if each.dropped:
            yield f"entry {each.entry.number}: {each.dropped}."


def _notes(draft: Draft) -> Iterator[str]:
    for each in draft.planned.entries:
        for note in each.notes:
            yield f"entry {each.entry.number}: {note}"
    for code, texts in draft.planned.writer.spellings():
        yield (
            f"{texts} are one country here ({code}). Salesforce tells them apart, and some entries do not"
            " list all of them."
        )
    for each in draft.untested:
        yield f"entry {each.entry.number} has no test: earlier entries may take all its leads."
    if draft.default_owner is None:
        yield (
            f"Leads that no entry takes wait in queue {DEFAULT}. Salesforce gives them to the default lead"
            " owner of the org: name them with --default-owner."
        )
