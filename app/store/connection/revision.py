"""The revision of the schema that this code was written for."""

from functools import cache
from pathlib import Path

MIGRATIONS = Path(__file__).parents[3] / "migrations"


@cache
def newest_revision() -> str:
    """The newest revision in the folder of migrations."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
