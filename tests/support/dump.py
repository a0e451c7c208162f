"""Everything a database holds, as text, with what is stored compressed read back."""

from app.store.connection.pool import Pool
from app.store.stored_bytes import unpack

TABLES = "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


async def dump(pool: Pool) -> dict[str, str]:
    """The rows of every table, in lower case, by table. Read as a superuser."""
    found = {}
    for table in await pool.fetch(TABLES):
        rows = await pool.fetch(f"SELECT * FROM {table['name']}")
        found[table["name"]] = "\n".join(_text(value) for row in rows for value in row.values()).lower()
    return found


def _text(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        read = unpack(value)
    except ValueError:  # a hash, for example, that happens to begin like a stored document
        read = value
    return read.decode("utf-8", "backslashreplace")
