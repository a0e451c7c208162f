"""Endpoints as the source of what a CRM says, by webhook or otherwise."""

from app.errors import refused_at
from app.store.connection.pool import Pool, transaction
from app.store.directory import records
from app.store.directory.records import Record
from app.webhooks.effects import EventSource
from app.webhooks.endpoints import RESOURCE_TYPE, system_of


def source_of(endpoint: Record) -> EventSource:
    """The source that an endpoint is."""
    body = endpoint.body
    return EventSource(
        endpoint_id=endpoint.id,
        kind=body["kind"],
        system=system_of(body["kind"], body["organization_id"]),
        mapping=body["mapping"],
        actors=frozenset(body["options"]["actor"]),
    )


async def find_source(pool: Pool, workspace_id: int, endpoint_id: str) -> EventSource:
    """The source that a request names in its field `endpoint`. Raises ValidationFailed if there is none."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        record = await records.find_record(connection, workspace_id, RESOURCE_TYPE, endpoint_id)
    if record is None:
        raise refused_at(("endpoint",), "unknown_endpoint", "names an endpoint that does not exist")
    return source_of(record)
