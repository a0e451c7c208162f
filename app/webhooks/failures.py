"""Events that could not be processed: what they are, and how they are processed again."""

from collections.abc import Mapping
from typing import Final

from app.errors import NotFound
from app.store.connection.pool import Pool, transaction
from app.store.crm import failures as store
from app.store.crm.failures import Failure

MAX_RETRIED = 10_000
"""Failures that one call processes again."""
PROBLEMS: Final[Mapping[str, str]] = {
    "unreadable": "The delivery is genuine, but its body is not what the CRM documents.",
    "invalid_mapping": "The mapping of the endpoint cannot be read by this version of the service.",
    "mapping_owner_unknown": "`users` in the mapping of the endpoint names an owner that does not exist.",
    "mapping_queue_unknown": "`queues` in the mapping of the endpoint names a queue that the plan lacks.",
    "internal": "Processing the event failed because of a defect.",
}
"""What the codes of the inbox mean. Those of effects are their own sentence."""


def problem_of(code: str | None) -> str:
    """What a code means."""
    return PROBLEMS.get(code or "", "The mapping of the endpoint does not fit the event, or its data.")


async def page(
    pool: Pool,
    workspace_id: int,
    endpoint_id: str | None,
    after: str | None,
    limit: int,
    *,
    of_forms: bool = False,
) -> list[Failure]:
    """The failures after `after`, of one endpoint if named, the oldest first."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await store.list_failures(
            connection, workspace_id, endpoint_id, after, limit, of_forms=of_forms
        )


async def find(
    pool: Pool, workspace_id: int, id_: str, *, of_forms: bool = False
) -> tuple[Failure, bytes | None]:
    """A failure, and the body of its delivery as far as it is kept. Raises NotFound."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await store.find_failure(connection, workspace_id, id_, of_forms=of_forms)
    if found is None:
        raise NotFound
    return found


async def retry(pool: Pool, workspace_id: int, id_: str, *, of_forms: bool = False) -> None:
    """Process a failure again. Raises NotFound."""
    async with transaction(pool, workspace_id) as connection:
        if await store.find_failure(connection, workspace_id, id_, of_forms=of_forms) is None:
            raise NotFound
        await store.retry(connection, workspace_id, [id_])


async def retry_endpoint(pool: Pool, workspace_id: int, endpoint_id: str) -> tuple[int, bool]:
    """Process the failures of an endpoint again. Returns how many, and whether there are more."""
    async with transaction(pool, workspace_id) as connection:
        ids = await store.list_ids_of_endpoint(connection, workspace_id, endpoint_id, MAX_RETRIED + 1)
        await store.retry(connection, workspace_id, ids[:MAX_RETRIED])
    return min(len(ids), MAX_RETRIED), len(ids) > MAX_RETRIED
