"""What a plan names that it must declare: SLAs, sequences, campaigns; and what its actions need."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from app.plan.findings import Finding, join, shown
from app.plan.follow_ups import AUDIENCE_CHANGES, NEEDED, WITH_SLA, Action
from app.plan.schema import PlanDocument
from app.plan.targets import Target

_Known = Mapping[str, tuple[str, Collection[str] | None]]


def action_findings(document: PlanDocument) -> Iterator[Finding]:
    """What is wrong with each action, those that stand under `or` as well."""
    known = _known(document)
    for position, block in enumerate(document.follow_up):
        for path, action in block.actions():
            where = join(f"follow_up[{position}]", path)
            yield from (finding.under(where) for finding in (*_needed(action), *_undeclared(action, known)))


def sla_findings(document: PlanDocument) -> Iterator[Finding]:
    """Names of SLAs that are not declared, in steps, in `sla_for`, and where a task is due with one."""
    for position, step in enumerate(document.pipeline):
        for place, ladder in step.config.ladders():
            yield from _ladder_slas(f"pipeline[{position}].{step.strategy}{place}", ladder, document)
    for position, rule in enumerate(document.sla_for):
        if rule.sla not in document.slas:
            yield _unknown_sla(rule.sla, f"sla_for[{position}].sla")
    for position, block in enumerate(document.follow_up):
        for path, action in block.actions():
            if action.due in WITH_SLA and not document.slas:
                text = "Declare an SLA under slas, or write a duration: this is never due."
                yield Finding(f"follow_up[{position}].{path}.due", "unknown_sla", text, "warning")


def _ladder_slas(start: str, ladder: Sequence[Target], document: PlanDocument) -> Iterator[Finding]:
    """The SLA of the first target is told once, and not again of those who took it over."""
    for rung, target in enumerate(ladder):
        handed_on = ladder[0].sla if rung else None
        if target.sla not in (None, handed_on, *document.slas):
            place = "" if rung == 0 else f".else[{rung - 1}]"
            yield _unknown_sla(target.sla or "", f"{start}{place}.sla")


def _unknown_sla(name: str, path: str) -> Finding:
    return Finding(path, "unknown_sla", f"Mend the name of the SLA {shown(name)}, or declare it under slas.")


def _needed(action: Action) -> Iterator[Finding]:
    needed = NEEDED.get(action.type)
    if needed is not None and action.params.get(needed) in (None, ()):
        yield Finding(needed, "missing_key", f"Add {needed}: a {action.type} says nothing without it.")
    change = action.params.get("change")
    if action.type == "audience" and action.fixed("change") not in AUDIENCE_CHANGES and change is not None:
        yield Finding("change", "wrong_value", f"Write one of {', '.join(AUDIENCE_CHANGES)}.")


def _known(document: PlanDocument) -> _Known:
    """The names an action of a type may use, None where nothing is declared.

    What runs in a campaign may be a sequence, so a sequence may be suppressed as well.
    """
    sequences, campaigns = document.sequences, document.campaigns
    return {
        "sequence": ("sequence", sequences),
        "suppress_campaign": ("campaign", None if campaigns is None else {*campaigns, *(sequences or ())}),
    }


def _undeclared(action: Action, known: _Known) -> Iterator[Finding]:
    """An error for a name that is not declared; a warning where there is nothing to compare it with."""
    name = action.fixed("name")
    if name is None or action.type not in known:
        return
    kind, names = known[action.type]
    if names is None:
        text = f"Declare {shown(name)} under {kind}s, so that a misspelt name is refused."
        yield Finding("name", "undeclared", text, "warning")
    elif name not in names:
        text = f"Mend the name of the {kind} {shown(name)}, or declare it under {kind}s."
        yield Finding("name", f"unknown_{kind}", text)
