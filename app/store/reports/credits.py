"""Which owner and team a report credits: the columns by the name of the credit, as `Parts` takes them.

Where a credit names no column, it is the usual one: the owner and the team of the row.
"""

from collections.abc import Mapping

Credits = Mapping[str, Mapping[str, str]]
_TEAM = (
    "(SELECT {team} FROM lead_facts AS told"
    " WHERE told.workspace_id = {{t}}workspace_id AND told.lead_id = {{t}}lead_id)"
)

FIRST_OR_LAST: Credits = {
    "first": {},
    "last": {"owner": "{t}last_owner_id", "team": "{t}last_team_id"},
}
"""The first owner who had the lead, or the last."""
EVENTS: Credits = {
    "at_event": {},
    "first": {"owner": "{t}first_owner_id", "team": _TEAM.format(team="team_id")},
    "last": {"owner": "{t}last_owner_id", "team": _TEAM.format(team="last_team_id")},
}
"""The owner who had the lead at an event or a sale; or the first, or the last one. For rows with a table."""
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
