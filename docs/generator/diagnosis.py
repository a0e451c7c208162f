"""The findings of the diagnosis."""

from app.diagnosis.catalog import CATALOG
from docs.generator.tables import table


def findings() -> str:
    """Every finding, what it means, what it needs, and how certain it can be."""
    head = ("code", "what it means", "what it needs", "how certain")
    return table(
        head,
        [
            (f"`{code}`", entry.means, entry.needs, "tested" if entry.is_test else "certain")
            for code, entry in CATALOG.items()
        ],
    )
