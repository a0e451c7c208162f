"""What was found out about the lead of a job before the job joined a commit group."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.engine.model.decision import DecisionRequest
from app.engine.model.filled import FilledField, where_empty
from app.enrichment.enricher import Enriched

MAX_ROUNDS = 3
"""How often one job is prepared. After that it is decided with what there is."""


ACCOUNTS = "accounts"
"""What `degraded` says when accounts could not be looked up by name."""


class PreparationMissing(Exception):
    """Something has to be found out about the lead of this job before it can be decided."""


@dataclass(slots=True)
class Prepared:
    """What preparers found out about the lead of one job. Each writes its own parts.

    - `plan_version` is the plan for which they looked; None before they did. `rounds` counts how often.
    - `accounts` are those found by name, by id, with the names they had; None when nobody looked.
      `wants_accounts` says that the lock has asked for them.
    - `filled` are fields that the lead came without, and where each value comes from.
    - `degraded` are the names of what did not answer in time. `codes` are those of providers with the reason.
    - `enriched` is what providers know, for the plan `enriched_for`. They are asked once for a lead.
    - `counts` are numbers about other leads, such as those of the same address in the last hour.
    - `suppressed` says that a suppression list had the lead, so that nothing was given to others.
    """

    plan_version: int | None = None
    rounds: int = 0
    accounts: Mapping[str, str] | None = None
    wants_accounts: bool = False
    filled: dict[str, FilledField] = field(default_factory=dict)
    degraded: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    suppressed: bool = False
    codes: dict[str, str] = field(default_factory=dict)
    enriched: Enriched | None = None
    enriched_for: int | None = None

    def begin(self, plan_version: int) -> None:
        """Forget what was found for an earlier plan. Preparers look again."""
        self.plan_version, self.rounds = plan_version, self.rounds + 1
        self._forget()

    def keep_only_for(self, plan_version: int) -> None:
        """Forget what was found, unless it was for this plan."""
        if self.plan_version not in (None, plan_version):
            self._forget()

    def _forget(self) -> None:
        self.suppressed = False
        self.accounts, self.filled, self.degraded, self.counts, self.codes = None, {}, [], {}, {}

    def miss(self, name: str, *, again: bool) -> None:
        """The preparer of this name found out nothing. With `again`, the lock asks for another round."""
        self.degraded.append(name)
        if again:
            self.plan_version = None

    def is_missing(self, plan_version: int) -> bool:
        """Whether preparers have to look for this plan first."""
        return self.plan_version != plan_version and self.rounds < MAX_ROUNDS

    def go_on(self) -> None:
        """No suppression list has the lead now.

        Raises PreparationMissing if one had it, as long as the lead may be prepared again.
        """
        if self.suppressed and self.rounds < MAX_ROUNDS:
            self.plan_version = None
            raise PreparationMissing

    def ask_for_accounts(self) -> None:
        """The lead cannot be decided without a look at names.

        Raises PreparationMissing, as long as it may be prepared again. Then it is decided without them.
        """
        if self.rounds < MAX_ROUNDS:
            self.wants_accounts, self.plan_version = True, None
            raise PreparationMissing
        self.degraded.append(ACCOUNTS)

    def attach(self, request: DecisionRequest) -> DecisionRequest:
        """The request with what was found. It is the same request when nothing was."""
        if not (self.filled or self.degraded or self.counts or self.codes):
            return request
        return replace(
            request,
            filled=where_empty(self.filled, request.values),
            degraded=tuple(dict.fromkeys((*self.degraded, *self.codes))),
            degraded_codes=dict(self.codes),
            counts=dict(self.counts),
        )
