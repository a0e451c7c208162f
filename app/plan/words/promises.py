"""SLAs, and when a lead closes, in words; and when a person is contacted."""

from collections.abc import Iterator, Mapping, Sequence

from app.plan.document.follow_ups import FollowUpBlock
from app.plan.document.plan import PlanDocument
from app.plan.document.slas import Sla
from app.plan.words.conditions import condition_in_words, duration_in_words, joined
from app.plan.words.targets import action_in_words, target_in_words

Entries = Mapping[str, tuple[str, ...]]
_AFTER_BREACH = {
    "remind": "the owner is reminded once more",
    "take_away": "the lead goes to the next member",
    "escalate": "the lead is escalated",
}


def slas(plan: PlanDocument) -> Entries:
    """The SLAs by name."""
    return {name: tuple(_sla(each)) for name, each in plan.slas.items()}


def sla_rules(plan: PlanDocument) -> Entries:
    """The rules in their order."""
    return {
        str(position): (
            f"leads where {condition_in_words(each.when).on_one_line()}: SLA {each.sla}"
            if each.when is not None
            else f"every {'other ' if position > 1 else ''}lead: SLA {each.sla}",
        )
        for position, each in enumerate(plan.sla_rules, 1)
    }


def on_event(plan: PlanDocument) -> Entries:
    """The actions after events, by the type of the event."""
    return {
        ("closed for idleness" if name == "idle" else name): tuple(map(_block, blocks))
        for name, blocks in plan.on_event.items()
    }


def consent(plan: PlanDocument) -> Entries:
    """What needs a consent."""
    channels = plan.consent.required
    if not channels:
        return {"": ("only actions that name a consent need one",)}
    return {"": (f"every action by {joined(channels, 'or')} needs a consent",)}


def quiet_hours(plan: PlanDocument) -> Entries:
    """When nobody is contacted."""
    quiet = plan.quiet_hours
    if quiet is None:
        return {}
    span = f"from {quiet.from_:%H:%M} to {quiet.to:%H:%M}"
    return {"": (f"nobody is contacted by {joined(quiet.channels, 'or')} {span}, in the person's time zone",)}


def frequency(plan: PlanDocument) -> Entries:
    """How often a person is contacted."""
    return {
        "": tuple(
            f"at most {each.max:,} contact{'' if each.max == 1 else 's'}"
            f"{f' by {each.channel}' if each.channel else ''}"
            f" in {each.days:,} day{'' if each.days == 1 else 's'}"
            for each in plan.frequency
        )
    }


def _sla(sla: Sla) -> Iterator[str]:
    for limit, what in (
        (sla.accept, "accept the lead"),
        (sla.touch, "touch the lead"),
        (sla.claim, "take a lead that has no owner"),
    ):
        if limit is not None:
            yield f"{duration_in_words(limit)} of working time to {what}"
    shares = [f"after {each.percent} % of the time" for each in sla.remind if each.before is None]
    before = [f"{duration_in_words(each.before)} before it is over" for each in sla.remind if each.before]
    if sla.remind:
        yield f"reminders {joined((*shares, *before))}"
    yield ", ".join(_breach(sla))
    if sla.max_wall is not None:
        yield f"escalated when no working time has come within {duration_in_words(sla.max_wall)}"
    if sla.escalate_to:
        yield f"escalated to {', else to '.join(map(target_in_words, sla.escalate_to))}"
    if sla.pause_after is not None:
        paused = duration_in_words(sla.pause_for)
        yield f"an owner who misses {sla.pause_after} in a row is paused for {paused} of working time"


def _breach(sla: Sla) -> Iterator[str]:
    yield f"{duration_in_words(sla.grace)} after a miss" if sla.grace else "right after a miss"
    yield _AFTER_BREACH[sla.on_breach]
    if sla.on_breach == "take_away" and sla.max_attempts is not None:
        yield f"until {sla.max_attempts} owners had it, then it is escalated"


def _block(block: FollowUpBlock) -> str:
    actions = "; ".join(map(action_in_words, block.do))
    return actions if block.when is None else f"if {condition_in_words(block.when).on_one_line()}: {actions}"


def listed(names: Sequence[str]) -> str:
    """Codes as words, in a list: "won and lost"."""
    return joined([each.replace("_", " ") for each in names]) if names else "nothing"
