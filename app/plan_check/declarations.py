"""Checks of what a plan must declare: SLAs, sequences, campaigns, and parameters of actions."""

from collections.abc import Collection, Iterator, Mapping

from app.plan.document.accounts import AccountConfig
from app.plan.document.follow_ups import AUDIENCE_CHANGES, CONSOLE_LINK, FILLED_IN, NEEDED, WITH_SLA, Action
from app.plan.document.plan import PlanDocument
from app.plan.document.products import Product, ProductConfig
from app.plan.document.steps import PlanStep
from app.plan.findings import Finding, join, quote
from app.plan.language.spelling import spelling_or
from app.plan_check.places import action_blocks, handoff_targets, reject_targets

LINK_REMEDIES: Mapping[str, str] = {
    "console_off": "The console is off: unset LEAD_ASSIGNMENT_CONSOLE.",
    "no_public_url": "The service does not know its address: set LEAD_ASSIGNMENT_PUBLIC_BASE_URL.",
}
_Known = Mapping[str, tuple[str, Collection[str] | None]]


def action_findings(document: PlanDocument) -> Iterator[Finding]:
    """Findings about actions, including those under `without_consent`."""
    known = _known(document)
    for block_path, block in action_blocks(document):
        for path, action in block.actions():
            where = join(block_path, path)
            yield from (finding.under(where) for finding in (*_needed(action), *_undeclared(action, known)))


def link_findings(document: PlanDocument, refusal: str | None) -> Iterator[Finding]:
    """Warnings about sign-in links, where the service makes none. `refusal` is the code that says why."""
    if refusal is None:
        return
    text = f"This action brings no link. {LINK_REMEDIES[refusal]}"
    for block_path, block in action_blocks(document):
        for path, action in block.actions():
            if action.type == CONSOLE_LINK:
                yield Finding(join(block_path, path), refusal, text, "warning")


def product_findings(document: PlanDocument) -> Iterator[Finding]:
    """Ambiguous products, their undeclared sequences, and product steps without products."""
    yield from _products_alike(document.products)
    for name, product in document.products.items():
        known = {*(document.sequences or product.sequences), *(document.campaigns or ())}
        for position, sequence in enumerate(product.sequences):
            if sequence not in known:
                path = f"products.{quote(name)}.sequences[{position}]"
                yield _unknown("sequence", sequence, path, known)
    for position, step in enumerate(document.pipeline):
        if step.strategy == "product" and not document.products:
            text = "The plan declares no products, so this step does nothing. Declare them under products."
            yield Finding(f"pipeline[{position}].product", "no_products", text)


def _products_alike(products: Mapping[str, Product]) -> Iterator[Finding]:
    words: dict[str, str] = {}
    teams: dict[str, str] = {}
    for name, product in products.items():
        path, word = f"products.{quote(name)}", name.casefold()
        if word in words:
            text = f"Rename this product. Its name differs from `{quote(words[word])}` only in case."
            yield Finding(path, "duplicate_name", text)
        if product.team in teams:
            other = quote(teams[product.team])
            text = f"Use another team. A switch between this product and `{other}` cannot be detected."
            yield Finding(f"{path}.team", "shared_team", text, "warning")
        words.setdefault(word, name)
        teams.setdefault(product.team, name)


def sla_findings(document: PlanDocument) -> Iterator[Finding]:
    """Undeclared SLAs in steps, in `sla_rules`, and in the due time of actions."""
    for position, step in enumerate(document.pipeline):
        path = f"pipeline[{position}].{step.strategy}"
        own = step.config.sla if isinstance(step.config, (AccountConfig, ProductConfig)) else None
        named = [(path, own), *((f"{path}{place}", sla) for place, sla in _named_slas(step) if sla != own)]
        yield from (
            unknown_sla(sla, f"{place}.sla", document)
            for place, sla in named
            if sla and sla not in document.slas
        )
    for position, rule in enumerate(document.sla_rules):
        if rule.sla not in document.slas:
            yield unknown_sla(rule.sla, f"sla_rules[{position}].sla", document)
    for target_path, target in (*handoff_targets(document), *reject_targets(document)):
        if target.sla and target.sla not in document.slas:
            yield unknown_sla(target.sla, f"{target_path}.sla", document)
    for block_path, block in action_blocks(document):
        for path, action in block.actions():
            if action.due in WITH_SLA and not document.slas:
                text = "This is never due: the plan has no SLA. Declare one under slas, or set a duration."
                yield Finding(f"{block_path}.{path}.due", "unknown_sla", text, "warning")


def _named_slas(step: PlanStep) -> Iterator[tuple[str, str | None]]:
    """The SLA of each target with its path. An inherited SLA is listed once."""
    for start, ladder in step.config.ladders():
        for rung, target in enumerate(ladder):
            if rung == 0 or target.sla != ladder[0].sla:
                yield start if rung == 0 else f"{start}.else[{rung - 1}]", target.sla


def unknown_sla(name: str, path: str, document: PlanDocument) -> Finding:
    """An SLA that the plan does not declare."""
    remedy = spelling_or(name, document.slas, "declare it under slas")
    return Finding(path, "unknown_sla", f"Unknown SLA `{quote(name)}`.{remedy}", value=name)


def _needed(action: Action) -> Iterator[Finding]:
    needed = NEEDED.get(action.type)
    if needed is not None and action.params.get(needed) in (None, ()):
        yield Finding(needed, "required", f"{needed} is required for an action of type {action.type}.")
    change = action.params.get("change")
    if action.type == "audience" and action.fixed("change") not in AUDIENCE_CHANGES and change is not None:
        yield Finding("change", "not_allowed", f"Must be one of {', '.join(AUDIENCE_CHANGES)}.")
    if action.type == CONSOLE_LINK:
        for name in FILLED_IN:
            if name in action.params:
                yield Finding(name, "not_allowed", f"Remove {name}. The service fills it in.")


def _known(document: PlanDocument) -> _Known:
    """The names each type of action may use, or None when nothing is declared.

    A campaign may be a sequence, so a sequence can be suppressed too.
    """
    sequences, campaigns = document.sequences, document.campaigns
    return {
        "sequence": ("sequence", sequences),
        "suppress_campaign": ("campaign", None if campaigns is None else {*campaigns, *(sequences or ())}),
    }


def _undeclared(action: Action, known: _Known) -> Iterator[Finding]:
    """An error for an undeclared name, or a warning when the plan declares none at all."""
    name = action.fixed("name")
    if name is None or action.type not in known:
        return
    kind, names = known[action.type]
    if names is None:
        text = f"Declare `{quote(name)}` under {kind}s, so that misspelled names are found."
        yield Finding("name", "undeclared_target", text, "warning")
    elif name not in names:
        yield _unknown(kind, name, "name", names)


def _unknown(kind: str, name: str, path: str, known: Collection[str]) -> Finding:
    remedy = spelling_or(name, known, f"declare it under {kind}s")
    return Finding(path, f"unknown_{kind}", f"Unknown {kind} `{quote(name)}`.{remedy}", value=name)
