"""What others wrote stands unmodified beside its license."""

import hashlib
import json
from pathlib import Path

import pytest

from app.console.assets import STATIC

DIRECTORIES = (STATIC / "vendor", Path(__file__).parent / "vendor")


@pytest.mark.parametrize("directory", DIRECTORIES, ids=["app", "tests"])
def test_each_file_has_its_version_license_and_content(directory: Path) -> None:
    rows = json.loads((directory / "VERSIONS.json").read_text())
    assert {row["file"] for row in rows} == {each.name for each in directory.glob("*.js")}
    for row in rows:
        content = (directory / row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"], row["name"]
        assert row["version"].encode() in content, row["name"]
        assert (directory / row["license_file"]).stat().st_size > 200
