"""What a report or the diagnosis is asked, as the parameters of an address, and whether the caller may."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import Depends, Query

from app.api.http.auth import Caller
from app.api.http.parameters import CallerParameter
from app.contract.reports import DEFAULT_WITHIN, read_day, read_filters, read_names, read_within
from app.diagnosis.run import Question
from app.errors import Forbidden, NotFound, refused_at
from app.reports.ask import ReportRequest
from app.reports.registry import REPORTS
from app.reports.report import Report

MAX_DAYS = 400
Day = Annotated[str | None, Query(max_length=10, description="A local day of the workspace's time zone.")]
Values = Annotated[
    list[str], Query(max_length=100, description="Only these values. `none` is what has no value.")
]


async def asked_report(
    caller: CallerParameter,
    from_: Annotated[Day, Query(alias="from")] = None,
    to: Day = None,
    group_by: Annotated[list[str], Query(max_length=20, description="Up to three dimensions.")] = [],  # noqa: B006
    filter_: Annotated[
        list[str], Query(alias="filter", max_length=100, description="A dimension and a value: `source:web`.")
    ] = [],  # noqa: B006
    owner: Values = [],  # noqa: B006
    team: Values = [],  # noqa: B006
    step: Values = [],  # noqa: B006
    rule: Values = [],  # noqa: B006
    source: Values = [],  # noqa: B006
    campaign: Values = [],  # noqa: B006
    channel: Values = [],  # noqa: B006
    lead_type: Values = [],  # noqa: B006
    band: Values = [],  # noqa: B006
    account_status: Values = [],  # noqa: B006
    form: Values = [],  # noqa: B006
    plan_version: Values = [],  # noqa: B006
    day: Values = [],  # noqa: B006
    week: Values = [],  # noqa: B006
    month: Values = [],  # noqa: B006
    reason: Values = [],  # noqa: B006
    signal: Values = [],  # noqa: B006
    within: Annotated[str | None, Query(max_length=12, description="How long outcomes count: `30d`.")] = None,
    by: Annotated[str, Query(max_length=20, description="What a row counts; see the report.")] = "",
    credit: Annotated[str, Query(max_length=20, description="Which owner is credited; see the report.")] = "",
) -> ReportRequest:
    """What the caller asks. A key that is bound to an owner asks about this owner only."""
    named = {
        "owner": owner, "team": team, "step": step, "rule": rule, "source": source, "campaign": campaign,
        "channel": channel, "lead_type": lead_type, "band": band, "account_status": account_status,
        "form": form, "plan_version": plan_version, "day": day, "week": week, "month": month,
        "reason": reason, "signal": signal,
    }  # fmt: skip
    return ReportRequest(
        first=read_day(from_, "from"),
        last=read_day(to, "to"),
        group_by=read_names(group_by),
        filters=read_filters(named, filter_),
        within=read_within(within),
        by=by,
        credit=credit,
        owner_id=caller.owner_id,
    )


AskedReport = Annotated[ReportRequest, Depends(asked_report)]


def permitted_report(caller: Caller, name: str) -> Report:
    """The report of this name. Raises NotFound, and Forbidden for a caller who may not ask it."""
    found = REPORTS.get(name)
    if found is None:
        raise NotFound("There is no such report.")
    if not any(map(caller.may, found.scopes)):
        raise Forbidden(f"This needs a key with the scope {' or '.join(found.scopes)}.")
    if caller.owner_id is not None and not found.for_owner:
        raise Forbidden("A key that is bound to an owner cannot ask this report.")
    return found


async def asked_diagnosis(
    caller: CallerParameter,
    from_: Annotated[
        str | None,
        Query(alias="from", max_length=10, description="The first local day. Default: 30 days until today."),
    ] = None,
    to: Annotated[str | None, Query(max_length=10, description="The local day after the last.")] = None,
    outcome: Annotated[
        Literal["purchase", "opportunity", "meeting", "qualified"],
        Query(description="What leads should come to."),
    ] = "purchase",
    within: Annotated[
        str | None,
        Query(
            max_length=12,
            description="The time a lead has for it, by default `30d`. Younger ones are left out.",
        ),
    ] = None,
) -> Question:
    """What the caller asks the diagnosis. Owners are compared for those who may see that."""
    may_compare = caller.may("reports:owners") or caller.owner_id is not None
    return Question(
        *_days(read_day(from_, "from"), read_day(to, "to")),
        outcome,
        read_within(within) or DEFAULT_WITHIN,
        "on" if may_compare else "forbidden",
        caller.owner_id,
    )


AskedDiagnosis = Annotated[Question, Depends(asked_diagnosis)]


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """Which sample of decisions is asked for."""

    places: int
    week: str | None
    seed: str | None


async def asked_sample(
    n: Annotated[int, Query(ge=1, le=500, description="How many decisions to draw.")] = 50,
    week: Annotated[
        str | None,
        Query(
            max_length=8, description="An ISO week such as `2026-W49`. Default: the last one that is over."
        ),
    ] = None,
    seed: Annotated[
        str | None,
        Query(max_length=100, description="Another seed draws other decisions. Default: the week."),
    ] = None,
) -> SampleRequest:
    """Which sample of decisions the caller asks for."""
    return SampleRequest(n, week, seed)


AskedSample = Annotated[SampleRequest, Depends(asked_sample)]


def _days(first: date | None, last: date | None) -> tuple[date | None, date | None]:
    if first is not None and last is not None and not first < last <= first + timedelta(days=MAX_DAYS):
        raise refused_at(
            ("to",), "out_of_range", f"must be after from, and at most {MAX_DAYS} days later", "query"
        )
    return first, last
