"""Queues, paths, products, reject reasons and handoffs in words."""

from collections.abc import Iterator, Mapping

from app.plan.document.life import Handoff
from app.plan.document.plan import Path, PlanDocument
from app.plan.document.products import Product
from app.plan.document.queues import THOUSANDTHS, ClaimTerms, Queue
from app.plan.document.rejects import REROUTE, RejectReason
from app.plan.words.conditions import condition_in_words, duration_in_words, field_in_words, joined
from app.plan.words.targets import ladder_in_words, target_in_words

Entries = Mapping[str, tuple[str, ...]]


def queues(plan: PlanDocument) -> Entries:
    """The queues by name."""
    return {name: tuple(_queue(each)) for name, each in plan.queues.items()}


def paths(plan: PlanDocument) -> Entries:
    """The paths by name."""
    return {name: tuple(_path(each)) for name, each in plan.paths.items()}


def products(plan: PlanDocument) -> Entries:
    """The products by name."""
    return {name: tuple(_product(each)) for name, each in plan.products.items()}


def reject_reasons(plan: PlanDocument) -> Entries:
    """The reasons of rejects by name."""
    return {name: tuple(_reason(each)) for name, each in plan.reject_reasons.items()}


def handoffs(plan: PlanDocument) -> Entries:
    """The handoffs by name."""
    return {each.name: tuple(_handoff(each)) for each in plan.handoffs}


def _queue(queue: Queue) -> Iterator[str]:
    if queue.claimable_by is None:
        yield "every owner may claim from it"
    else:
        yield f"the members of team {queue.claimable_by} may claim from it"
    if queue.release == "shift":
        yield "its leads also go to a member who is on shift and free, before new leads do"
    yield from _claim(queue.claim)
    if queue.aging:
        yield f"a waiting lead gains {queue.aging / THOUSANDTHS:g} of priority an hour"
    if queue.max_wait is not None:
        time = " of working time" if queue.max_wait.clock == "working" else ""
        ladder = "; ".join(ladder_in_words(queue.ladder, settles=True))
        yield f"a lead that has waited {duration_in_words(queue.max_wait.for_)}{time} {ladder}"
    if queue.sla is not None:
        yield f"SLA {queue.sla} until somebody takes the lead"
    for crm, id_ in queue.crm.items():
        yield f"in {crm} it is {id_}"


def _claim(terms: ClaimTerms) -> Iterator[str]:
    if terms.lease is not None:
        time = " of working time" if terms.clock == "working" else ""
        yield f"a claimed lead that nobody touches within {duration_in_words(terms.lease)}{time} comes back"
    if terms.max is not None:
        yield f"an owner holds at most {terms.max:,} untouched claim{'' if terms.max == 1 else 's'}"
    if terms.hide:
        hidden = joined([field_in_words(each) for each in terms.hide])
        yield f"nobody sees {hidden} until a lead is claimed"


def _path(path: Path) -> Iterator[str]:
    if path.accountable is None:
        yield "nobody is accountable for it"
    elif path.accountable.team is not None:
        yield f"team {path.accountable.team} is accountable for it"
    else:
        yield f"owner {path.accountable.owner} is accountable for it"
    if path.sla is not None:
        yield f"SLA {path.sla} until somebody takes the lead"


def _product(product: Product) -> Iterator[str]:
    yield f"sold by team {product.team}"
    if product.sequences:
        yield f"ends when a lead moves to another product: {joined(product.sequences)}"


def _reason(reason: RejectReason) -> Iterator[str]:
    yield "the owner gets their turn back" if reason.refund else "the lead still counts as the owner's turn"
    if reason.then == REROUTE:
        yield "the plan routes the lead again, without this owner"
    else:
        yield from ladder_in_words((reason.then,), settles=True)
    if reason.suppress == "email":
        yield "later leads with the same e-mail address are blocked"
    elif reason.suppress == "domain":
        yield "later leads with the same e-mail domain are blocked"


def _handoff(handoff: Handoff) -> Iterator[str]:
    which = (
        "" if handoff.when is None else f", for leads where {condition_in_words(handoff.when).on_one_line()}"
    )
    yield f"when {handoff.when_event.replace('_', ' ')} is reported{which}"
    if isinstance(handoff.to, str):
        yield f"goes to the {handoff.role} of the lead's account"
        ladder = handoff.else_
    else:
        yield f"goes to {target_in_words(handoff.to)}"
        ladder = (*handoff.to.otherwise, *handoff.else_)
    for target in ladder:
        yield f"else to {target_in_words(target)}"
    yield "the first owner keeps it too" if handoff.keep else "it ends the assignment of the first owner"
