"""What a caller may repeat: his key, and the answer that is kept under it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.store.connection.pool import Connection


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets: a status and a body of JSON, both fixed before the commit.

    `assignment_id` names the decision that the body shows, if it shows one.
    """

    status: int
    body: bytes
    replayed: bool = False
    assignment_id: str | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An idempotency key, and the hash of the route and body it came with.

    The items of a batch share a key: `text` ends in the item's number, and `first` is the text of the
    batch's first item, so that another body under the same key is noticed whatever its length. `holds` is
    how long the key stands for its answer.
    """

    text: str
    body_hash: bytes
    first: str | None = None
    holds: timedelta = timedelta(days=7)


KEEP = """
INSERT INTO idempotency (workspace_id, key, body_hash, status, answer, at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (workspace_id, key) DO UPDATE
  SET body_hash = excluded.body_hash, assignment_id = NULL, status = excluded.status,
      answer = excluded.answer, at = excluded.at
"""


async def keep(
    connection: Connection, workspace_id: int, key: IdempotencyKey, answer: Answer, at: datetime
) -> None:
    """From now on the key stands for this answer. To be called behind the gate."""
    await connection.execute(KEEP, workspace_id, key.text, key.body_hash, answer.status, answer.body, at)
