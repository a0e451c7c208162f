"""The types of events about assignments, by name. `app.engine.life.event_table` says what each one does."""

import re

ORDERS = ("accepted", "rejected", "snoozed", "closed")
"""Types that ask for something, and need an open assignment."""
FACTS = (
    "first_touch", "reached", "meeting", "qualified", "disqualified", "opportunity", "purchase", "lost",
    "renewed", "expanded", "churned", "saved", "unsubscribed", "complained", "invalid_contact", "spam",
    "not_spam", "reversed", "note", "disputed", "dispute_settled",
)  # fmt: skip
"""Types that say what happened, and are always taken."""
IDLE = "idle"
"""In a plan: the lead was closed because nobody worked on it. No caller reports it."""
CLOSING = ("disqualified", "lost", "churned", "invalid_contact", "spam")
"""The facts that close an assignment unless the plan says otherwise."""
OWN_TYPE = re.compile(r"x-[a-z0-9_-]{1,40}")
"""A type of the caller's own."""
