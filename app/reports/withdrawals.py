"""What persons withdraw in their preferences, as if they had unsubscribed from it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID, uuid5

from app.plan.language.contact import CHANNELS, EVERY
from app.reports.told import Told
from app.store.reports.fact_sources import AssignmentRecord, EventRecord, WithdrawalRecord

VIA = "preferences"


def withdrawals_of(
    records: Iterable[WithdrawalRecord], assignments: Mapping[str, Sequence[AssignmentRecord]]
) -> Iterator[Told]:
    """One `unsubscribed` for each topic of each change, with all its channels. `assignments` are by lead."""
    together: dict[tuple[str, str | None], list[WithdrawalRecord]] = {}
    for each in records:
        topic = each.name.partition("/")[2] or None
        together.setdefault((each.change_id, topic), []).append(each)
    for (change_id, topic), found in together.items():
        first = found[0]
        yield Told(
            EventRecord(
                id=change_id if topic is None else str(uuid5(UUID(change_id), topic)),
                lead_id=first.lead_id,
                assignment_id=_assignment_at(first, assignments[first.lead_id]).id,
                sequence=0,
                type="unsubscribed",
                at=first.at,
                received_at=first.told_at,
                day_only=False,
                by_id=None,
                by_is_owner=False,
                via=VIA,
                reason=None,
                amount=None,
                currency=None,
                ref=None,
                for_at=None,
                effect="none",
                reported=False,
                closes=_channels(found),
                topic=topic,
            ),
            "automated",
            None,
        )


def _assignment_at(record: WithdrawalRecord, assignments: Sequence[AssignmentRecord]) -> AssignmentRecord:
    """The newest decision about the lead at that time, or else its first."""
    return [assignments[0], *(each for each in assignments if each.decided_at <= record.at)][-1]


def _channels(found: Iterable[WithdrawalRecord]) -> list[str]:
    named = {each.name.partition("/")[0] for each in found}
    return list(CHANNELS) if EVERY in named else sorted(named)
