"""Which owner and team a report credits: the columns by the name of the credit, as `Parts` takes them.

Where a credit names no column, it is the usual one: the owner and the team of the row.
"""

from collections.abc import Mapping

Credits = Mapping[str, Mapping[str, str]]

FIRST_OR_LAST: Credits = {
    "first": {},
    "last": {"owner": "{t}last_owner_id", "team": "{t}last_team_id"},
}
"""The first owner who had the lead, or the last."""
CONTACT: Credits = {
    "at_event": {"owner": "coalesce({t}reached_by, {t}first_touch_by, {t}last_owner_id)"},
    **FIRST_OR_LAST,
}
"""The person who reached the lead, else the one who tried first."""
VERDICT: Credits = {
    "at_event": {
        "owner": "coalesce(verdict.owner_id, {t}last_owner_id)",
        "team": "coalesce(verdict.team_id, {t}last_team_id)",
    },
    **FIRST_OR_LAST,
}
"""The owner who had the lead when it was qualified or disqualified."""
RESPONSE: Credits = {
    "first": {"owner": "{t}arrival_owner_id"},
    "at_event": {"owner": "{t}response_by"},
}
"""The first owner after the arrival, or the person who answered."""
PROMISE: Credits = {"owner": {}, "at_event": {"owner": "{t}met_by"}}
"""The owner who is bound by the promise, or the person who kept it."""
