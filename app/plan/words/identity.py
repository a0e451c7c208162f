"""What a plan says about who a lead is, where it comes from and what is found out about it, in words."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from app.plan.document.enrichment import Enrichment, ProviderEntry
from app.plan.document.junk import JunkSettings
from app.plan.document.plan import PlanDocument, ReturningLeads
from app.plan.words.conditions import condition_in_words, duration_in_words, field_in_words, joined

Entries = Mapping[str, tuple[str, ...]]
_KEPT = {"account_owner": "the owner of its account", "previous_owner": "its previous owner"}
_SHARED = {
    "ip": "one address of a visitor",
    "identity": "one e-mail address or phone",
    "domain": "one e-mail domain",
}
_STANDS_FOR = {"person": "a person each", "submission": "single submissions, and join nobody"}


def returning_leads(plan: PlanDocument) -> Entries:
    """How leads are treated that were here before."""
    return {"": tuple(_returning(plan.returning_leads))}


def same_company(plan: PlanDocument) -> Entries:
    """Who gets the leads of one company."""
    company = plan.same_company
    if company is None:
        return {}
    window = duration_in_words(company.window)
    lines = [f"for {window} after a decision, leads of the same company go to the same owner"]
    lines.append(_counted(company.count))
    if company.education:
        lines.append("people of one school or university count as one company too")
    return {"": tuple(lines)}


def count(plan: PlanDocument) -> Entries:
    """How leads of one company count."""
    return {"": (_counted(plan.count),)} if plan.count is not None else {}


def accounts(plan: PlanDocument) -> Entries:
    """How the account of a lead is found."""
    settings = plan.accounts
    if settings is None:
        return {}
    lines = [f"a name finds an account from a score of {settings.threshold:g}"]
    if settings.domain_only:
        lines = ["names find no accounts, and only decide between accounts of one domain"]
    if settings.prefer is not None:
        lines.append("of several accounts that fit alike, the one above the others counts")
    if settings.conflict is not None:
        lines.append(f"where domain and name disagree, the {settings.conflict} counts")
    return {"": tuple(lines)}


def junk(plan: PlanDocument) -> Entries:
    """What follows when a lead looks like junk."""
    return {"": tuple(_junk(plan.junk))} if plan.junk is not None else {}


def enrichment(plan: PlanDocument) -> Entries:
    """Who is asked about a lead, by name, and how long it waits for them."""
    settings = plan.enrichment
    if settings is None:
        return {}
    providers = {each.shown: tuple(_provider(each)) for each in settings.providers}
    return {"": tuple(_waiting(settings)), **providers}


def attribution(plan: PlanDocument) -> Entries:
    """How the channel of a lead is found."""
    settings = plan.attribution
    lines = [f"source {old} counts as {new}" for old, new in settings.source_aliases.items()]
    lines += [f"medium {old} counts as {new}" for old, new in settings.medium_aliases.items()]
    if settings.own_domains:
        lines.append(f"own domains, which are no referrers: {joined(settings.own_domains)}")
    if settings.paid_click_ids:
        lines.append(f"click ids that also prove a paid click: {joined(settings.paid_click_ids)}")
    return {"": tuple(lines)}


def _returning(terms: ReturningLeads) -> Iterator[str]:
    window = duration_in_words(terms.window)
    kept = ", else to ".join(_KEPT[each] for each in terms.keep_owner)
    if terms.window and kept:
        yield f"a lead that comes back within {window} goes to {kept}, if they are available"
    else:
        yield "a lead that comes back is routed again"
    for each in terms.reroute_when:
        yield f"routed again where {condition_in_words(each.when).on_one_line()}"
    if terms.duplicate_window:
        again = duration_in_words(terms.duplicate_window)
        yield f"a second submission within {again} is a duplicate, unless it says something new"
    else:
        yield "a second submission is never a duplicate"
    if terms.not_news:
        yield f"a change of {joined([*map(field_in_words, terms.not_news)], 'or')} is nothing new"
    yield f"two leads are one by {joined([*map(field_in_words, terms.match_by)], 'or')}"
    for source, kind in terms.external_id_sources.items():
        yield f"external ids of {source} stand for {_STANDS_FOR[kind]}"
    if terms.probable is not None:
        review = f"{terms.probable.review:g}"
        yield f"leads with one name and one company or phone are marked for review from a score of {review}"
        if terms.probable.known is not None:
            yield f"from {terms.probable.known:g}, the owner of the other lead takes it"


def _counted(count: str) -> str:
    if count == "per_company":
        return "only the first lead of a company takes a turn of its owner"
    return "each lead of a company takes a turn of its owner"


def _junk(settings: JunkSettings) -> Iterator[str]:
    if settings.block_at is not None:
        yield f"blocked from {settings.block_at:,} points"
    if settings.review_at is not None:
        yield f"waits in queue {settings.queue} from {settings.review_at:,} points"
    for part, points in settings.points.items():
        yield f"{part.replace('_', ' ')}: {points:,} points" if points else f"{part.replace('_', ' ')}: off"
    if settings.velocity is not None:
        within = duration_in_words(settings.velocity.within)
        for name, shared in _SHARED.items():
            limit = getattr(settings.velocity.per, name)
            if limit is not None:
                yield f"more than {limit:,} leads of {shared} within {within} count as too fast"


def _waiting(settings: Enrichment) -> Iterator[str]:
    yield f"a lead waits at most {_milliseconds(settings.deadline)} for all of them"
    if settings.recheck is not None:
        again = duration_in_words(settings.recheck)
        yield f"if one failed, a lead that nobody has touched is decided again after {again}, once"


def _provider(entry: ProviderEntry) -> Iterator[str]:
    if entry.shown != entry.provider:
        yield f"asks {entry.provider}"
    for field, place in entry.fill.items():
        yield f"fills {field_in_words(field)} from {place}"
    if not entry.fill:
        yield "fills what it fills by default"
    yield f"a call takes at most {_milliseconds(entry.timeout)}"
    kept, empty = duration_in_words(entry.cache), duration_in_words(entry.cache_empty)
    yield f"an answer is used again for {kept}, one without a value for {empty}"
    rest = duration_in_words(entry.open_for)
    yield f"after {entry.max_failures:,} failures in a row it is not asked for {rest}"
    for name, value in entry.settings.items():
        yield f"{name}: {value}"


def _milliseconds(wait: timedelta) -> str:
    milliseconds = round(wait.total_seconds() * 1000)
    return f"{milliseconds:,} ms" if milliseconds % 1000 else f"{milliseconds // 1000} s"
