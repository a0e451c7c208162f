"""What happened in a workspace, counted by this process."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from prometheus_client.core import CounterMetricFamily

from app.engine.explain.codes import CANDIDATES, REASONS
from app.engine.followup.contact import CAUSES
from app.engine.life.clocks import SLA_KINDS
from app.engine.model.junk import POINTS
from app.metrics.label_names import NO_TEAM, OTHER, LabelNames
from app.plan.language.event_types import FACTS, ORDERS
from app.plan.language.fields import CHANNELS, EMAIL_FLAGS, FLAGS, OUTCOMES

Key = tuple[str, ...]
"""A series: the name of its family, then the values of its labels."""
Tally = Counter[Key]

MOVES = (
    "reassign", "claim", "release", "reject", "take_away", "escalate", "handoff", "give_back", "lease_ended",
    "max_wait", "cover", "return", "signal", "crm", "crm_reassign", "unblocked", "recheck",
)  # fmt: skip
"""The causes of decisions about a lead that had been decided, other than that it came again."""

DECISIONS = "decisions"
STEP_DECISIONS = "step_decisions"
DECISION_REASONS = "decision_reasons"
TEAM_ASSIGNMENTS = "team_assignments"
REASSIGNMENTS = "reassignments"
RECEIVED = "leads_received"
FLAGGED = "flagged_leads"
CONTACTS = "contact_verdicts"
CHANNEL_LEADS = "channel_leads"
JUNK_LEADS = "junk_leads"
JUNK_PARTS = "junk_parts"
_VERDICTS = tuple(
    f"{part}_{verdict}"
    for part, verdicts in (
        ("email", ("valid", "invalid", "missing", *EMAIL_FLAGS)),
        ("phone", ("valid", "invalid", "implausible", "missing")),
    )
    for verdict in verdicts
)
SKIPPED = "skipped_candidates"
SUPPRESSED_LEADS = "suppressed_leads"
WITHHELD_ACTIONS = "withheld_actions"
LISTS = ("do_not_contact", "competitors", "own_staff", "students")
"""The suppression lists that are counted by name. All others are `other`."""
EVENTS = "events"
REJECTS = "rejects"
ACCOUNT_MATCHES = "account_matches"
PROBABLE = "probable_persons"
COLLEAGUES = "colleague_leads"
MERGES = "merged_leads"
RECHECKS = "enrichment_rechecks"
MERGES_UNDONE = "merges_undone"
CLOCKS_MET = "sla_clocks_met"
CLOCKS_MISSED = "sla_clocks_missed"


class _Family(NamedTuple):
    """A metric. `closed` are the values of its one label; any other value counts as `other`."""

    text: str
    labels: tuple[str, ...]
    closed: tuple[str, ...] | None = None


_FAMILIES: Final[Mapping[str, _Family]] = {
    DECISIONS: _Family("Decisions.", ("outcome",), OUTCOMES),
    STEP_DECISIONS: _Family("Decisions by the step that made them.", ("step", "outcome")),
    DECISION_REASONS: _Family("Decisions by their reason.", ("reason",), (*REASONS, OTHER)),
    TEAM_ASSIGNMENTS: _Family("Assignments to an owner by the team they got the lead through.", ("team",)),
    REASSIGNMENTS: _Family("Decisions that moved a lead, by cause.", ("cause",), MOVES),
    RECEIVED: _Family("Leads received, counted at intake.", ()),
    FLAGGED: _Family(
        "Leads decided with a value that intake could not read or does not trust.", ("flag",), tuple(FLAGS)
    ),
    CONTACTS: _Family("Leads by what intake says of their address and phone.", ("verdict",), _VERDICTS),
    CHANNEL_LEADS: _Family(
        "Leads by the channel that intake found; `none` said nothing about one.",
        ("channel",),
        (*CHANNELS, "none", OTHER),
    ),
    JUNK_LEADS: _Family(
        "Leads that arrived, by the verdict on whether they are junk.",
        ("verdict",),
        ("clean", "flagged", "review", "blocked"),
    ),
    JUNK_PARTS: _Family("Parts of junk in leads that arrived.", ("signal",), tuple(POINTS)),
    SKIPPED: _Family(
        "Candidates who were looked at and not chosen, by why.",
        ("code",),
        (*(code for code in CANDIDATES if code != "chosen"), OTHER),
    ),
    SUPPRESSED_LEADS: _Family("Leads that a suppression list blocked.", ("list",), (*LISTS, OTHER)),
    WITHHELD_ACTIONS: _Family("Actions that must not contact the person now, by why.", ("cause",), CAUSES),
    EVENTS: _Family("Events about assignments, refused ones included.", ("type",), (*ORDERS, *FACTS, OTHER)),
    REJECTS: _Family("Leads that an owner gave back, by reason.", ("reason",)),
    ACCOUNT_MATCHES: _Family(
        "Decisions of plans that use accounts, by how the account was found.",
        ("how",),
        ("crm", "domain", "name", "review", "none"),
    ),
    PROBABLE: _Family(
        "New leads that are probably a known person, by what became of them.",
        ("result",),
        ("known", "review"),
    ),
    COLLEAGUES: _Family(
        "Leads of a company with other leads, by whether an owner of those took them.",
        ("result",),
        ("same_company", "colleague_unavailable"),
    ),
    RECHECKS: _Family(
        "Leads that were looked at again because a provider had failed, by what became of them.",
        ("result",),
        ("moved", "kept", "touched"),
    ),
    MERGES: _Family(
        "Leads that another lead took the place of, by who said so.", ("source",), ("api", "crm")
    ),
    MERGES_UNDONE: _Family("Merges that were undone.", ()),
    CLOCKS_MET: _Family("SLA clocks that an event met.", ("kind",), ("accept", "touch")),
    CLOCKS_MISSED: _Family("SLA clocks that were missed when they were looked at.", ("kind",), SLA_KINDS),
}


class WorkspaceCounters:
    """The counters of one workspace.

    A group of decisions is counted with the version of the plan that made it, and settled at the next scrape,
    when the names of that version are known. So a name is shown from the version on that chose it, whenever a
    process is scraped. Nothing that was shown ever falls: the count of a name that goes is added to `other`.
    """

    def __init__(self) -> None:
        self._pending: dict[int, Tally] = {}
        self._shown: Tally = Counter()

    def add(self, plan_version: int, tally: Tally) -> None:
        """Count what a commit group did."""
        pending = self._pending.get(plan_version)
        if pending is None:
            pending = self._pending[plan_version] = Counter()
        pending.update(tally)

    def take_pending(self) -> dict[int, Tally]:
        """Hand over what has to be settled, by version in the order of the decisions."""
        pending, self._pending = self._pending, {}
        return pending

    def put_back(self, pending: Mapping[int, Tally]) -> None:
        """Take back what could not be settled."""
        newer = self.take_pending()
        for version, tally in (*pending.items(), *newer.items()):
            self.add(version, tally)

    def settle(
        self,
        pending: Mapping[int, Tally],
        names: Mapping[int, LabelNames],
        active: int,
        teams: Iterable[str],
    ) -> Tally:
        """Add what is pending, and return what there is to show.

        `names` are those of each version, `active` is the active version, and `teams` are the teams of its
        names that exist.
        """
        for version, tally in pending.items():
            chosen = _Chosen(names.get(version, LabelNames()))
            self._rename(chosen)
            for key, count in tally.items():
                self._shown[chosen.series(key)] += count
        shown = names.get(active, LabelNames())
        present = frozenset(teams)
        left = LabelNames(shown.steps, tuple(name for name in shown.teams if name in present), shown.reasons)
        self._rename(_Chosen(left))
        for key in _Chosen(left).all_series():
            self._shown.setdefault(key, 0)
        return Counter(self._shown)

    def _rename(self, chosen: "_Chosen") -> None:
        gone = [(key, new) for key in self._shown if (new := chosen.series(key)) != key]
        for key, new in gone:
            self._shown[new] += self._shown.pop(key)


class _Chosen:
    """The series that there are with some names."""

    def __init__(self, names: LabelNames) -> None:
        self._values: dict[str, tuple[str, ...]] = {
            STEP_DECISIONS: (*names.steps, OTHER),
            TEAM_ASSIGNMENTS: (*names.teams, NO_TEAM, OTHER),
            REJECTS: (*names.reasons, OTHER),
        }
        for name, family in _FAMILIES.items():
            if family.closed is not None:
                self._values[name] = family.closed
        self._known = {name: frozenset(values) for name, values in self._values.items()}

    def series(self, key: Key) -> Key:
        """Where something is counted: under its name if that is chosen, else under `other`."""
        known = self._known.get(key[0])
        if known is None or key[1] in known:
            return key
        return (key[0], OTHER, *key[2:])

    def all_series(self) -> Iterable[Key]:
        """Every series, counted or not."""
        for name, family in _FAMILIES.items():
            if not family.labels:
                yield (name,)
            elif len(family.labels) == 2:
                yield from ((name, value, outcome) for value in self._values[name] for outcome in OUTCOMES)
            else:
                yield from ((name, value) for value in self._values[name])


def counter_families(shown: Iterable[tuple[str, Tally]]) -> list[CounterMetricFamily]:
    """The metrics of workspaces, given by name, in the form of the client of Prometheus."""
    families = {
        name: CounterMetricFamily(
            f"lead_assignment_{name}", family.text, labels=("workspace", *family.labels)
        )
        for name, family in _FAMILIES.items()
    }
    for workspace, tally in shown:
        for key, count in tally.items():
            families[key[0]].add_metric((workspace, *key[1:]), count)
    return list(families.values())
