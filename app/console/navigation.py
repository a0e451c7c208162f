"""The pages in the header, and which of them a viewer sees."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.console.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Item:
    """A page in the header. A key needs one of `scopes`.

    `audience` says who sees it: `team` are keys that are bound to no owner, `owner` are keys that are.
    """

    label: str
    path: str
    scopes: tuple[str, ...]
    audience: tuple[str, ...] = ("team",)


NAVIGATION = (
    Item("Today", "/console/today", ("ops", "reports", "leads:read", "claim")),
    Item("Leads", "/console/leads", ("leads:read",)),
    Item("My leads", "/console/my-leads", ("leads:read",), ("owner",)),
    Item("Queues", "/console/queues", ("claim", "leads:read"), ("team", "owner")),
    Item("Leave", "/console/leave", ("directory:write",), ("owner",)),
    Item("Owners & teams", "/console/people", ("directory:write", "leads:read", "ops")),
    Item("Plan", "/console/plan", ("plan:write", "plan:approve", "leads:read", "ops")),
    Item("Reports", "/console/reports", ("ops", "reports", "reports:owners")),
    Item("Operations", "/console/operations", ("ops", "directory:write")),
)


def items_for(viewer: Viewer) -> Iterator[Item]:
    """The pages that this viewer may open, in the order of the header."""
    audience = "team" if viewer.owner_id is None else "owner"
    for item in NAVIGATION:
        if audience in item.audience and viewer.may(*item.scopes):
            yield item
