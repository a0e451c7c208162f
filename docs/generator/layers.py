"""The layers of the code, as the import contract in `pyproject.toml` states them."""

import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def contract() -> str:
    """The layers from top to bottom."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")
    return "\n".join(["```text", *(layer.replace("(", "").replace(")", "") for layer in layers), "```"])
