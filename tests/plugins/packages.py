"""Installed packages with plugins, as importlib.metadata finds them."""

from collections.abc import Mapping
from pathlib import Path

ODD = "tests.plugins.odd"


def install(directory: Path, entries: Mapping[str, str], version: str = "1.2") -> None:
    """A package `oddities` with these entry points."""
    information = directory / f"oddities-{version}.dist-info"
    information.mkdir(parents=True, exist_ok=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: oddities\nVersion: {version}\n")
    lines = [f"{name} = {place}" for name, place in entries.items()]
    (information / "entry_points.txt").write_text("\n".join(["[lead_assignment.strategies]", *lines, ""]))
