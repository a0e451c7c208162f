"""Which owner and team a report about leads credits."""

from collections.abc import Mapping

FIRST_OR_LAST: Mapping[str, Mapping[str, str]] = {
    "first": {},
    "last": {"owner": "{t}last_owner_id", "team": "{t}last_team_id"},
}
"""The columns of the first owner who had the lead, which are the usual ones, or of the last."""
