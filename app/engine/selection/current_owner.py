"""The owner who has the lead now, for targets that leave it where it is."""

from app.engine.conditions.comparisons import getter
from app.engine.model.decision import DecisionRequest, Target
from app.engine.model.directory import Directory, Owner
from app.engine.model.state import Facts
from app.engine.selection.eligibility import Refusal, absence_refusal, over_cap
from app.engine.selection.pickers import TargetAttempt, candidate_entry
from app.engine.selection.targets import requirements_of

_sent_owner = getter("crm.owner_id")


def try_current_owner(target: Target, request: DecisionRequest, facts: Facts) -> TargetAttempt:
    """Leave the lead with its owner, unless they are excluded, inactive or absent.

    As for any owner who keeps a lead, pauses and caps do not count.
    """
    owner = _current_owner(request, facts.directory)
    if owner is None:
        return TargetAttempt(target, "no_current_owner")
    load = facts.state.load(owner.id)
    refused = absence_refusal(owner, requirements_of(target, request), facts.now)
    entry = candidate_entry(owner.id, load, refused or Refusal("chosen"))
    if refused is not None:
        return TargetAttempt(target, refused.code, candidates=(entry,))
    return TargetAttempt(target, "chosen", owner, candidates=(entry,), over_cap=over_cap(owner, facts))


def _current_owner(request: DecisionRequest, directory: Directory) -> Owner | None:
    """The owner of the stored lead, else the one that the caller sent: by id, or by a CRM id of one owner."""
    prior = request.prior.owner if request.prior is not None else None
    if (stored := prior or request.present_owner) is not None:
        return directory.owners.get(stored)
    sent = _sent_owner(request.values)
    if not isinstance(sent, str):
        return None
    return directory.owners.get(sent) or directory.owner_by_crm_id(sent)
