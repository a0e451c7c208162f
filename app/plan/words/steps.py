"""The steps of a plan in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.plan.document.accounts import DELEGATE, AccountConfig, Hold
from app.plan.document.plan import PlanDocument
from app.plan.document.products import ProductConfig
from app.plan.document.scoring import Band, ScoreConfig
from app.plan.document.step_configs import LadderConfig, RuleConfig
from app.plan.document.steps import BUILT_IN, PlanStep
from app.plan.words.conditions import Sentence, condition_in_words, duration_in_words
from app.plan.words.targets import ladder_in_words, target_in_words

KINDS = {
    "rule": "rule",
    "round_robin": "shares among a team",
    "queue": "queue",
    "score": "score",
    "product": "by product",
    "account": "by account",
}
_MATCHERS = {
    "eq": "equal",
    "longest_prefix": "longest beginning",
    "postal": "postal code",
    "range": "range",
}
_LIMITS = {"gt": "above {}", "gte": "at least {}", "lt": "below {}", "lte": "at most {}"}
_ON = "on to the next step"


@dataclass(frozen=True, slots=True)
class StepWords:
    """A step: which leads it is for (None for all), and what becomes of them, a line each.

    `table` names the table that has its targets, `bands` are those that it gives leads.
    """

    name: str
    strategy: str
    kind: str
    when: Sentence | None
    lines: tuple[str, ...]
    table: str | None = None
    bands: tuple[str, ...] = ()


def step_in_words(step: PlanStep, document: PlanDocument) -> StepWords:
    """What a step of this plan does."""
    config = step.config
    when = condition_in_words(step.condition) if step.condition is not None else None
    table = config.table if isinstance(config, RuleConfig) else None
    kind = KINDS.get(step.strategy, "plug-in")
    bands = tuple(config.bands) if isinstance(config, ScoreConfig) else ()
    return StepWords(step.name, step.strategy, kind, when, tuple(_lines(step, document)), table, bands)


def _lines(step: PlanStep, document: PlanDocument) -> Iterator[str]:
    match step.config:
        case RuleConfig(table=str()) as config:
            yield from _table(config)
        case LadderConfig() as config:
            yield from ladder_in_words(config.ladder, settles=config.settles)
        case ScoreConfig() as config:
            yield f"adds up {' and '.join(config.model)}"
            for name, band in config.bands.items():
                yield f"band {name}: {_limits(band)}, {_rest(band)}"
        case ProductConfig() as config:
            yield from _products(config, document)
        case AccountConfig() as config:
            yield from _account(config)
        case config:
            yield f"the plug-in {step.strategy} decides" if step.strategy not in BUILT_IN else "decides"
            for target in config.targets():
                yield f"may go to {target_in_words(target)}"


def _table(config: RuleConfig) -> Iterator[str]:
    columns = ", ".join(
        f"{column.field.name.replace('_', ' ')} ({_MATCHERS[column.how]})" for column in config.match_on or ()
    )
    yield f"goes where the matching row of table {config.table} says, by {columns}"
    for target in config.else_:
        yield f"else to {target_in_words(target)}"
    if config.sla is not None:
        yield f"SLA {config.sla}, unless the row sets one"
    yield f"leads without a matching row go {_ON}"


def _limits(band: Band) -> str:
    return " and ".join(_LIMITS[operator].format(f"{limit:,}") for operator, limit in band.limits) or (
        "any other total"
    )


def _rest(band: Band) -> str:
    lines = list(ladder_in_words(band.ladder, settles=any(each.settles for each in band.ladder)))
    return "; ".join(lines) if lines else f"labeled, {_ON}"


def _products(config: ProductConfig, document: PlanDocument) -> Iterator[str]:
    for name, product in document.products.items():
        yield f"interested in {name}: goes to team {product.team}"
    for target in config.else_:
        yield f"else to {target_in_words(target)}"
    within = duration_in_words(config.within)
    yield f"a returning lead that comes for another product within {within} is routed again"
    if config.unless is not None:
        yield f"unless {condition_in_words(config.unless).on_one_line()}"
    if config.sla is not None:
        yield f"SLA {config.sla}"
    yield f"leads that look at no product go {_ON}"


def _account(config: AccountConfig) -> Iterator[str]:
    roles = ", then ".join(config.roles)
    customers = config.customers
    team_first = customers is not None and customers.prefer == "team"
    if customers is not None and team_first:
        yield f"customers go to team {customers.team} first"
    yield f"goes to the owner of the lead's account ({roles})"
    if config.inherit_from_parent:
        yield "or to that of the parent account, when nobody has these roles"
    for rung in config.if_unavailable:
        match rung:
            case Hold():
                yield f"else waits up to {duration_in_words(rung.hold)} for them"
            case each if each == DELEGATE:
                yield "else to their delegate"
            case target:
                yield f"else to {target_in_words(target)}"
    if customers is not None and not team_first:
        yield f"customers go to team {customers.team} when none of them can take the lead"
    if config.ignore_caps:
        yield "caps of the account's owner do not count"
    if config.sla is not None:
        yield f"SLA {config.sla}"
    yield f"leads without an account go {_ON}"
