"""The routes of the console, page by page."""

from collections.abc import Sequence

from fastapi import APIRouter

from app.console.pages import (
    audit_sample,
    decision,
    deliveries,
    diagnosis,
    endpoints,
    home,
    leads,
    leave,
    my_leads,
    operations,
    people,
    people_edits,
    plan,
    plan_drafts,
    plan_try,
    queues,
    reassign,
    reports,
    sign_in,
    today,
)

PAGES = (
    today,
    leads,
    decision,
    reassign,
    queues,
    my_leads,
    leave,
    people,
    people_edits,
    plan_try,
    plan_drafts,
    plan,
    diagnosis,
    audit_sample,
    reports,
    operations,
    endpoints,
    deliveries,
)
"""The pages that need a session, one module each with its `router`."""


def routers() -> Sequence[APIRouter]:
    """The routers in the order in which paths are matched: what is at no address comes last."""
    return (home.router, sign_in.router, *(page.router for page in PAGES), home.last)
