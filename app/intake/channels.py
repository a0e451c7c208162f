"""The default channel grouping of Google Analytics 4, rule by rule in its order.

The rules are those of https://support.google.com/analytics/answer/9756891. `AI Assistants` is a channel of
our own, between paid and organic traffic.
"""

import re

from app.intake.sources import ASSISTANT, SEARCH, SHOPPING, SOCIAL, VIDEO

DIRECT, UNASSIGNED, PAID_SEARCH, AI_ASSISTANTS = "Direct", "Unassigned", "Paid Search", "AI Assistants"
DIRECT_SOURCE, NO_MEDIUM = "(direct)", "(none)"

_PAID = re.compile(r".*cp.*|ppc|retargeting|paid.*")
_SHOP = re.compile(r"([^a-df-z]|^)shop|shopping")
_OF_PAID = {SHOPPING: "Paid Shopping", SEARCH: PAID_SEARCH, SOCIAL: "Paid Social", VIDEO: "Paid Video"}
_NO_MEDIA = (NO_MEDIUM, "(not set)")
_DISPLAY = ("display", "banner", "expandable", "interstitial", "cpm")
_SOCIAL = ("social", "social-network", "social-media", "sm", "social network", "social media")
_MAIL = ("email", "e-mail", "e_mail", "e mail")
_OF_ASSISTANTS = ("", "referral", "organic", "ai", "chat", "link", *_NO_MEDIA)


def is_paid(medium: str) -> bool:
    """Whether a medium in lower case says that somebody paid."""
    return _PAID.fullmatch(medium) is not None


def channel_of(source: str, medium: str, campaign: str, category: str | None) -> str:
    """The channel of a source, its category, a medium and a campaign, in lower case; empty is unknown."""
    if source == DIRECT_SOURCE and medium in _NO_MEDIA:
        return DIRECT
    if "cross-network" in campaign:
        return "Cross-network"
    shop = category == SHOPPING or _SHOP.search(campaign) is not None
    if is_paid(medium):
        return _paid(medium, SHOPPING if shop else category)
    if medium in _DISPLAY:
        return "Display"
    if category == ASSISTANT and medium in _OF_ASSISTANTS:
        return AI_ASSISTANTS
    return _organic(medium, SHOPPING if shop else category) or _other(source, medium)


def _paid(medium: str, category: str | None) -> str:
    known = _OF_PAID.get(category or "")
    return known or ("Display" if medium in _DISPLAY else "Paid Other")


def _organic(medium: str, category: str | None) -> str | None:
    if category == SHOPPING:
        return "Organic Shopping"
    if category == SOCIAL or medium in _SOCIAL:
        return "Organic Social"
    if category == VIDEO or "video" in medium:
        return "Organic Video"
    return "Organic Search" if category == SEARCH or medium == "organic" else None


def _other(source: str, medium: str) -> str:
    if medium in ("referral", "app", "link"):
        return "Referral"
    if source in _MAIL or medium in _MAIL:
        return "Email"
    if medium in ("affiliate", "audio"):
        return "Affiliates" if medium == "affiliate" else "Audio"
    if "sms" in (source, medium):
        return "SMS"
    if medium.endswith("push") or "mobile" in medium or "notification" in medium or source == "firebase":
        return "Mobile Push Notifications"
    return UNASSIGNED
