"""What the engine knows, as tables: the closed lists of codes, and turns worked out."""

from decimal import Decimal

from app.engine.explain import codes
from app.engine.life.event_table import EFFECTS, EVENT_KINDS, OWN_EVENT, EventKind
from app.engine.life.sales import SALE_TYPES
from app.engine.selection.fair_share import LEAD_UNITS, next_in_turn
from docs.generator.tables import meanings, table

MEMBERS = {"ana": 2, "ben": 1, "cem": 1}
"""The team of the worked example, with weights."""


def reason_codes() -> str:
    """Codes of reasons."""
    return meanings(codes.REASONS)


def step_codes() -> str:
    """Codes of steps."""
    return meanings(codes.STEPS)


def returning_lead_codes() -> str:
    """Codes of the step `returning_lead`."""
    return meanings(codes.RETURNING_LEADS)


def target_codes() -> str:
    """Codes of targets."""
    return meanings(codes.TARGETS)


def candidate_codes() -> str:
    """Codes of candidates."""
    return meanings(codes.CANDIDATES)


def event_table() -> str:
    """What each event does to an open assignment."""
    head = ("event", "what happened", "", "state after", "clocks", "open place", "turn", "idle time")
    rows = [_event_row(f"`{name}`", kind) for name, kind in EVENT_KINDS.items()]
    return table(head, [*rows, _event_row("`x-…`", OWN_EVENT)])


def _event_row(name: str, kind: EventKind) -> list[str]:
    after = {None: "open", "closed": "closed", "rejected": "superseded"}[kind.ends]
    return [
        name,
        kind.text,
        "order" if kind.order else "fact",
        after,
        "withdrawn" if kind.ends is not None else " ".join(f"`{each}` met" for each in kind.stops),
        "freed" if kind.ends is not None else "",
        "given back" if kind.refunds else "as the plan says" if kind.ends == "rejected" else "",
        "starts again" if kind.human and kind.ends is None else "",
    ]


def state_table() -> str:
    """What an event does in each state of its assignment."""
    head = ("", "open", "closed", "superseded")
    refused = {"closed": "409 `already_closed`", "superseded": "409 `superseded`"}
    moving = [f"`{name}`" for name in SALE_TYPES]
    return table(
        head,
        [
            ["orders", "as above", refused["closed"], refused["superseded"]],
            ["sales: " + ", ".join(moving), "as above", "counted all the same", "counted all the same"],
            ["other facts", "as above", "`effect: none`", "`effect: none`"],
            [
                "an event older than the assignment",
                *["stored with the one that was open then: `history`"] * 3,
            ],
        ],
    )


def event_effects() -> str:
    """Every effect of an event."""
    return table(("effect", "meaning"), ((f"`{code}`", meaning) for code, meaning in EFFECTS.items()))


def claim_codes() -> str:
    """Why an owner may not claim, beside the candidates' codes."""
    return meanings(codes.CLAIMS)


def bystander_codes() -> str:
    """Why an owner did not get a lead, beside the candidates' codes."""
    return meanings(codes.BYSTANDERS)


def plugin_errors() -> str:
    """Why a plugin gave no verdict."""
    return meanings(codes.PLUGIN_ERRORS)


def no_actions_codes() -> str:
    """Why a decision asks nothing of the caller."""
    return meanings(codes.NO_ACTIONS)


def fair_share() -> str:
    """Eight turns of a team of three; during two of them one member is absent."""
    balances = dict.fromkeys(MEMBERS, 0)
    rows = []
    for lead in range(1, 9):
        here = [name for name in MEMBERS if not (name == "cem" and lead in (5, 6))]
        chosen, changes = next_in_turn([MEMBERS[name] for name in here], [balances[name] for name in here])
        for name, change in zip(here, changes, strict=True):
            balances[name] += change
        rows.append([str(lead), ", ".join(here), here[chosen], *map(_leads, balances.values())])
    head = ("lead", "eligible", "chosen", *(f"{name} after" for name in MEMBERS))
    return table(head, rows)


def _leads(balance: int) -> str:
    """A balance in whole leads, to three places."""
    return f"{Decimal(balance) / LEAD_UNITS:+.3f}"


def match_codes() -> str:
    """What came of an account that a key found."""
    return meanings(codes.MATCHES)
