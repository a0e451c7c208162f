"""Scripts and style sheets: read once, and named by what they hold, so that browsers keep them for long."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).parent / "static"
ROOT = "/console/static"
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
DIGEST_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent: as it is, and compressed."""

    content: bytes
    compressed: bytes
    media_type: str
    digest: str


class Assets:
    """Every file that browsers may load, by name. Others are not served."""

    def __init__(self, directory: Path) -> None:
        self._by_name = {
            file.relative_to(directory).as_posix(): _read(file)
            for file in sorted(directory.rglob("*"))
            if file.suffix in MEDIA_TYPES
        }

    def find(self, name: str) -> Asset | None:
        """The file of this name."""
        return self._by_name.get(name)

    def url(self, name: str) -> str:
        """The address of a file, which changes with its content."""
        return f"{ROOT}/{self._by_name[name].digest}/{name}"


def _read(file: Path) -> Asset:
    content = file.read_bytes()
    return Asset(
        content,
        gzip.compress(content, mtime=0),
        MEDIA_TYPES[file.suffix],
        hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH],
    )


ASSETS = Assets(STATIC)
