"""Where a lead came from: source, medium, channel and campaign, by its tags, click ids and referrer.

What says most comes first: the channel that was sent, UTM parameters, click ids, the referrer, and last the
landing page, which alone means that nobody sent the visitor. A lead without any of these says nothing.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from app.engine.model.attribution_rules import NO_RULES, AttributionRules
from app.intake.channels import (
    DIRECT_SOURCE,
    NO_MEDIUM,
    UNASSIGNED,
    channel_of,
    is_paid,
)
from app.intake.domains import registrable
from app.intake.sources import SEARCH, Source, is_ad_product, is_way_back, known_source
from app.intake.website import website_domain
from app.plan.language.click_ids import CLICK_IDS
from app.plan.language.fields import CHANNELS

FILLED = ("source", "channel", "campaign")
"""The fields of a lead that are filled where nothing was sent."""
_EVIDENCE = frozenset((*FILLED, "utm", "click_ids", "landing_page", "referrer"))
_TAGS = ("source", "medium", "campaign", "term", "content", "id")
_UTM = "utm_"
_DECIDING = ("source", "medium", "campaign")
"""The tags that decide."""
_GROK = "//x.com/i/grok"
"""An assistant that lives below a social site."""
_SHORT = frozenset(_TAGS)
_UTM_NAMES = frozenset(f"{_UTM}{tag}" for tag in _TAGS)
_UNSET = frozenset(("", "(not set)", "not set", "(none)", "none", "null", "undefined", "n/a", "-"))
_MACROS = ("{", "%7b", "[", "${")
"""How a value begins that a tool should have filled in."""
_FAMILY = {"instagram": "facebook", "messenger": "facebook", "threads": "facebook", "whatsapp": "facebook"}
"""Sites whose links have the click id of another one."""
_RANK = {name: rank for rank, name in enumerate(CLICK_IDS)}
_PROVEN = frozenset(name for name, click in CLICK_IDS.items() if is_paid(click.medium))
_BY_NAME = {channel.lower(): channel for channel in CHANNELS}
_MAX_PARAMETERS = 100
_MAX_NAME = 255


class _Origin(NamedTuple):
    """One thing that says where a lead came from, in lower case. `by` names it."""

    by: str
    source: Source
    medium: str
    campaign: str = ""

    @property
    def channel(self) -> str:
        return channel_of(self.source.name, self.medium, self.campaign, self.source.category)


def collect_tags(values: dict[str, Any]) -> None:
    """Add the tags and click ids of the landing page and of custom attributes to `utm` and `click_ids`.

    A click id among the tags is one too. What was sent there itself stays.
    """
    found: dict[str, str] = {}
    page = values.get("landing_page")
    if isinstance(page, str) and "?" in page:
        found.update(_parameters(page))
    attributes = values.get("attributes")
    if isinstance(attributes, dict):
        for name, value in attributes.items():
            if isinstance(value, str) and value and _is_tag(name.lower()):
                found.setdefault(name.lower(), value)
    tagged = values.get("utm")
    if tagged:
        named = ((name.lower(), value) for name, value in tagged.items())
        found.update((name, value) for name, value in named if name in CLICK_IDS and isinstance(value, str))
    if not found:
        return
    tags = {name.removeprefix(_UTM): value for name, value in found.items() if name.startswith(_UTM)}
    sent = values.get("utm", {})
    if more := {name: value for name, value in tags.items() if tag_of(sent, name) is None}:
        values["utm"] = {**sent, **more}
    if ids := {name: value for name, value in found.items() if name in CLICK_IDS}:
        values["click_ids"] = {**ids, **values.get("click_ids", {})}


def _parameters(page: str) -> Iterator[tuple[str, str]]:
    query = page.partition("?")[2].partition("#")[0].replace("&amp;", "&")
    for pair in query.split("&", _MAX_PARAMETERS)[:_MAX_PARAMETERS]:
        name, _, value = pair.partition("=")
        name = name.lower()
        if value and _is_tag(name):
            plain = value if value.isalnum() else unquote_plus(value).replace("\0", "")
            if text := plain.strip()[:_MAX_NAME]:
                yield name, text


def _is_tag(name: str) -> bool:
    return name in CLICK_IDS or name in _UTM_NAMES


def tag_of(tags: Mapping[str, Any], tag: str) -> str | None:
    """A UTM parameter, by its short or its full name in any case."""
    found = tags.get(tag)
    if found:
        return str(found)
    if tags.keys() <= _SHORT:
        return None
    wanted = (tag, f"{_UTM}{tag}")
    return next((str(value) for name, value in tags.items() if value and name.lower() in wanted), None)


def attributed(values: Mapping[str, Any], rules: AttributionRules = NO_RULES) -> dict[str, Any]:
    """The field `attribution` of a lead, and the fields that it fills. Empty if the lead says nothing.

    `values` are as they were sent, without what was filled before. Besides the four parts the field has `by`,
    which says what decided, `conflicts`, the sent things that say something else, and `filled`.
    """
    if values.keys().isdisjoint(_EVIDENCE):
        return {}
    said = _said(values)
    found = _decide(said, rules)
    return {
        name: {part: list(each) if type(each) is list else each for part, each in value.items()}
        if type(value) is dict
        else value
        for name, value in found.items()
    }


class _Said(NamedTuple):
    """All that decides where a lead came from, as texts. Addresses have no path and no parameters."""

    sent: tuple[Any, ...]
    tags: tuple[str | None, ...]
    click_ids: tuple[str, ...]
    page: str
    referrer: str


def _said(values: Mapping[str, Any]) -> _Said:
    page, referrer = values.get("landing_page"), values.get("referrer")
    tags = values.get("utm")
    ids = values.get("click_ids")
    return _Said(
        tuple(map(values.get, FILLED)),
        tuple(tag_of(tags, name) for name in _DECIDING) if tags else (),
        tuple(sorted(name.lower() for name, value in ids.items() if value)) if ids else (),
        (_site_of(page.strip()) or "/") if isinstance(page, str) and page.strip() else "",
        "" if not isinstance(referrer, str) else _GROK if _GROK in referrer else _site_of(referrer.strip()),
    )


# Most leads of a day share few origins.
@lru_cache(maxsize=4096)
def _decide(said: _Said, rules: AttributionRules) -> Mapping[str, Any]:
    """What `attributed` returns."""
    named = {name: value for name, value in zip(FILLED, said.sent, strict=True) if value is not None}
    tags = {name: value for name, value in zip(_DECIDING, said.tags, strict=False) if value}
    values: dict[str, Any] = {
        **named,
        "utm": tags,
        "click_ids": dict.fromkeys(said.click_ids, True),
        "landing_page": said.page,
        "referrer": said.referrer,
    }
    origins = {each.by: each for each in _origins(values, rules)}
    sent_channel = _text(values.get("channel"))
    first = next(iter(origins.values()), None)
    found = _parts(values, first)
    channel = _BY_NAME.get(sent_channel.lower(), sent_channel) if sent_channel else None
    if channel is None and first is not None:
        channel = first.channel
    if channel is not None:
        found["channel"] = channel
        found["by"] = "channel" if sent_channel else first.by if first else "channel"
    if conflicts := list(_conflicts(values, origins, (channel or "") if sent_channel else "")):
        found["conflicts"] = conflicts
    if not found:
        return {}
    filled = {name: found[name] for name in FILLED if name in found and name not in values}
    if filled:
        found["filled"] = list(filled)
    return {"attribution": found, **filled}


def _parts(values: Mapping[str, Any], origin: _Origin | None) -> dict[str, Any]:
    """Source, medium and campaign. What was sent stands in where nothing else says it."""
    source = origin.source.name if origin is not None else _text(values.get("source"))
    campaign = tag_of(values.get("utm", {}), "campaign")
    if campaign is None or _is_unset(campaign):
        campaign = _text(values.get("campaign"))
    medium = origin.medium if origin is not None else ""
    parts = {"source": source, "medium": medium, "campaign": campaign}
    return {name: value for name, value in parts.items() if value}


def as_sent(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a lead without `attribution` and what it filled."""
    filled = values.get("attribution", {}).get("filled", ())
    return {name: value for name, value in values.items() if name != "attribution" and name not in filled}


def _origins(values: Mapping[str, Any], rules: AttributionRules) -> Iterator[_Origin]:
    """What says where the lead came from, the strongest first."""
    click = _of_click_ids(values.get("click_ids", {}), rules)
    tags = _of_tags(values, rules, click)
    if tags is not None:
        yield tags
    if click is not None:
        yield click
    page = _text(values.get("landing_page"))
    referrer = _of_referrer(_text(values.get("referrer")), page, rules)
    if referrer is not None:
        yield referrer
    if page:
        yield _Origin("landing_page", Source(None, DIRECT_SOURCE), NO_MEDIUM)


def _of_tags(values: Mapping[str, Any], rules: AttributionRules, click: _Origin | None) -> _Origin | None:
    tags = values.get("utm")
    if not tags:
        return None
    source, medium, campaign = (_plain(tag_of(tags, name)) for name in ("source", "medium", "campaign"))
    medium = rules.medium_aliases.get(medium, medium)
    if source != DIRECT_SOURCE and _is_unset(medium):
        medium = ""
    if _is_unset(source):
        source = _plain(values.get("source")) if medium else ""
    if not source and not medium:
        return None
    known = _known(source, rules)
    if not medium:
        medium = "cpc" if is_ad_product(source) else ""
        if not medium and click is not None and click.source.name == known.name:
            medium = click.medium
    return _Origin("utm", known, medium, "" if _is_unset(campaign) else campaign)


def _of_click_ids(ids: Mapping[str, Any], rules: AttributionRules) -> _Origin | None:
    """What the click id says that says most. Links of some sites have several."""
    if not ids:
        return None
    names = sorted(
        {name.lower() for name, value in ids.items() if value} & CLICK_IDS.keys(), key=_RANK.__getitem__
    )
    if not names:
        return None
    paid = [name for name in names if name in rules.paid_click_ids]
    name = next((each for each in (*paid, *names) if each in _PROVEN), (*paid, *names)[0])
    click = CLICK_IDS[name]
    medium = click.paid if name in rules.paid_click_ids and name not in _PROVEN else click.medium
    return _Origin("click_id", known_source(click.source), medium)


def _of_referrer(referrer: str, page: str, rules: AttributionRules) -> _Origin | None:
    host = website_domain(referrer) if referrer else None
    if host is None or is_way_back(host) or _is_own(host, page, rules):
        return None
    source = known_source("x.com/i/grok" if referrer == _GROK else host)
    alias = rules.source_aliases.get(host)
    if alias is not None:
        source = known_source(alias)
    return _Origin("referrer", source, "organic" if source.category == SEARCH else "referral")


def _is_own(host: str, page: str, rules: AttributionRules) -> bool:
    """Whether this host is the workspace's own: it is listed, or the landing page is on its domain."""
    above = host
    while rules.own_domains and above:
        if above in rules.own_domains:
            return True
        above = above.partition(".")[2]
    landed = website_domain(page) if page else None
    return landed is not None and (registrable(landed) or landed) == (registrable(host) or host)


def _site_of(address: str) -> str:
    """The address without path and parameters, which differ from lead to lead."""
    scheme, mark, rest = address.partition("//")
    if not mark:
        scheme, rest = "", address
    for end in "/?#":
        rest = rest.partition(end)[0]
    return f"{scheme}{mark}{rest}"


def _known(source: str, rules: AttributionRules) -> Source:
    alias = rules.source_aliases.get(source)
    if alias is not None:
        return Source(known_source(alias).category, known_source(alias).name)
    return known_source(source)


def _conflicts(values: Mapping[str, Any], origins: Mapping[str, _Origin], sent_channel: str) -> Iterator[str]:
    """The sent things that say another origin than what decided."""
    tags, click, referrer = (origins.get(name) for name in ("utm", "click_id", "referrer"))
    first = next(iter(origins.values()), None)
    if sent_channel in CHANNELS and first is not None and first.channel not in (sent_channel, UNASSIGNED):
        yield "channel"
    campaign, tagged = _plain(values.get("campaign")), _plain(tag_of(values.get("utm", {}), "campaign"))
    if campaign and tagged and not _is_unset(tagged) and campaign != tagged:
        yield "campaign"
    if tags is None:
        return
    source = _plain(values.get("source"))
    if source and tags.source.name and _site(known_source(source)) != _site(tags.source):
        yield "source"
    if click is not None and _contradicts(click, tags):
        yield "click_id"
    known = referrer is not None and referrer.source.category and tags.source.category
    if referrer is not None and known and _site(referrer.source) != _site(tags.source):
        yield "referrer"


def _contradicts(click: _Origin, tags: _Origin) -> bool:
    if is_paid(click.medium):
        return not is_paid(tags.medium) and tags.channel != "Display"
    return _site(click.source) != _site(tags.source) and click.channel != tags.channel


def _site(source: Source) -> str:
    return _FAMILY.get(source.name, source.name)


def _is_unset(text: str) -> bool:
    return text in _UNSET or text.startswith(_MACROS)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _plain(value: Any) -> str:
    return _text(value).lower()
