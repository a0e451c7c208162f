"""What an operator should know about the records of CRMs, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.store.connection.pool import Pool, transaction
from app.store.crm import findings
from app.store.crm.findings import Finding


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why there is a finding, and what to do."""

    cause: str
    remedy: str


CODES: Final[Mapping[str, Explanation]] = {
    "unknown_user": Explanation(
        "The CRM names an owner that is no owner here. The lead keeps its owner and its clocks.",
        "Add the user's id to `crm` of an owner, or to `users` in the mapping of the endpoint. Then compare"
        " the list of leads with `POST /reconcile`, or deliver the record with `POST /records`.",
    ),
    "unknown_queue": Explanation(
        "The CRM names a queue or a team that the plan does not have.",
        "Add its id to `crm` of a queue in the plan, or to `queues` in the mapping of the endpoint. Then"
        " compare the list of leads with `POST /reconcile`.",
    ),
    "same_id": Explanation(
        "Records of two CRMs or objects have the same number. `crm.lead_id` of a lead does not say which.",
        "Send `crm.lead_id` only for leads of one CRM. The record is kept apart: it is known by its e-mail"
        " address or phone number, or once it is routed.",
    ),
    "inactive_owner": Explanation(
        "Somebody gave a lead in the CRM to an owner who is inactive here.",
        "Make the owner active, or give the lead to somebody else.",
    ),
    "loop": Explanation(
        "Changes in the CRM made the plan decide three times within an hour. The lead waits in a queue.",
        "Look for a workflow in the CRM that answers to changes of the owner, and give the lead to an owner.",
    ),
    "record_not_read": Explanation(
        "An action asked somebody to read a record, and nobody delivered it within 15 minutes.",
        "Run an executor that handles `read_record`, or deliver the record with `POST /records`.",
    ),
    "import_not_routed": Explanation(
        "Records came by an import or a mass update. They were noted, but not routed.",
        "Import their owners, route them with `POST /assign`, or set `import: route` in the mapping.",
    ),
    "missing_in_crm": Explanation(
        "A complete list of the CRM does not have a record whose lead is open here.",
        "Look the record up in the CRM: close the lead if it is gone, or send the list again.",
    ),
    "write_not_confirmed": Explanation(
        "An owner that the service decided was not seen in the CRM within 24 hours.",
        "Check that an executor runs and that the CRM sends changes of the owner; then reconcile.",
    ),
}
"""Every code of a finding."""
_UNKNOWN = Explanation("The code is of another version of the service.", "Look at the notes of that version.")


def explanation_of(code: str) -> Explanation:
    """Why there is such a finding, and what to do."""
    return CODES.get(code, _UNKNOWN)


async def page(
    pool: Pool, workspace_id: int, after: str | None, endpoint_id: str | None, limit: int
) -> list[Finding]:
    """The findings after the one that a cursor names, of one endpoint if named."""
    code, endpoint, object_, record = [*(after or "").split("/", 3), "", "", ""][:4]
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await findings.list_findings(
            connection, workspace_id, (code, endpoint, object_, record), endpoint_id, limit
        )


def cursor_of(finding: Finding) -> str:
    """The cursor behind a finding."""
    return "/".join((finding.code, finding.endpoint_id, finding.object, finding.record_id))
