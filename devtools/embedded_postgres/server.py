"""Starting and joining: one owner for each data directory, who ends the server with himself."""

import fcntl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

from devtools.embedded_postgres.account import Account, choose_account, reachable_binaries
from devtools.embedded_postgres.binaries import Binaries, inspect
from devtools.embedded_postgres.cluster import (
    CLUSTER_NAME,
    SUPERUSER,
    create,
    existing_major,
    place_cluster,
    socket_directory,
    suitable_binaries,
)
from devtools.embedded_postgres.failures import PostgresUnavailable
from devtools.embedded_postgres.launch import NOT_DURABLE, Launched, command_line, launch
from devtools.embedded_postgres.postmaster import POLL, end_postmaster, find_postmaster

START_PATIENCE = 60.0  # seconds; recovery after a crash takes its time


@dataclass
class Server:
    """A running Postgres. `stop`, or leaving it as a context manager, ends it if this process owns it."""

    data_dir: Path
    socket_dir: Path
    pid: int
    major: int
    _lock: IO[bytes] | None = field(default=None, repr=False)
    _launched: Launched | None = field(default=None, repr=False)

    @property
    def dsn(self) -> str:
        """Address of the maintenance database, as asyncpg and libpq take it."""
        return self.database_dsn("postgres")

    @property
    def owned(self) -> bool:
        """Whether this process started the server, so that `stop` ends it."""
        return self._launched is not None

    def database_dsn(self, database: str) -> str:
        """Address of one of its databases."""
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={self.socket_dir}"

    def stop(self) -> None:
        """End the server if this process owns it; a second call does nothing."""
        if self._launched is not None:
            self._launched.end()
            self._launched = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass(frozen=True)
class Wish:
    """How a server is to be run if this process becomes its owner."""

    bin_dir: Path | None
    durable: bool
    settings: Mapping[str, str]
    account: Account | None


def start(
    data_dir: Path | str,
    bin_dir: Path | str | None = None,
    *,
    durable: bool = True,
    settings: Mapping[str, str] | None = None,
    account: Account | None = None,
) -> Server:
    """Start the Postgres whose data lies in `data_dir`, made at the first start, or join it where it runs.

    The process that starts it owns it, and it ends with that process, even one that is killed. Any other
    process gets the same server and leaves it running.

    `bin_dir` holds the programs to use instead of those found; `durable=False` gives up safety from power
    failures for speed; `settings` are parameters of Postgres; `account` says under which user it runs.
    Raises PostgresUnavailable.
    """
    wish = Wish(Path(bin_dir) if bin_dir else None, durable, settings or {}, account)
    data_dir = _make_directory(Path(data_dir).absolute())
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        lock = _try_lock(data_dir)
        server = _join(data_dir) if lock is None else _own(data_dir, lock, wish, deadline)
        if server is not None:
            return server
        time.sleep(POLL)
    raise PostgresUnavailable(
        f"the process that owns {data_dir} has not got it running in {START_PATIENCE:.0f} s"
    )


def _own(data_dir: Path, lock: IO[bytes], wish: Wish, deadline: float) -> Server:
    try:
        cluster, binaries, account = _prepare(data_dir, wish)
        end_postmaster(cluster)
        socket_dir = socket_directory(data_dir, cluster)
        settings = {**({} if wish.durable else NOT_DURABLE), **wish.settings}
        command = command_line(account, binaries, cluster, socket_dir, settings)
        launched = launch(command, account, cluster, data_dir / "postgres.log", deadline)
    except BaseException:
        lock.close()
        raise
    return Server(data_dir, socket_dir, launched.process.pid, binaries.major, lock, launched)


def _prepare(data_dir: Path, wish: Wish) -> tuple[Path, Binaries, Account]:
    """The data directory, made if need be, with the binaries and the account that can serve it."""
    cluster = (data_dir / CLUSTER_NAME).resolve()  # perhaps a link to where its user can get at it
    account = wish.account or choose_account(cluster)
    binaries = reachable_binaries(
        inspect(wish.bin_dir) if wish.bin_dir else suitable_binaries(cluster), account
    )
    if existing_major(cluster) is None:
        if not (data_dir / CLUSTER_NAME).is_symlink():
            cluster = place_cluster(data_dir, account)
        create(cluster, binaries, account, durable=wish.durable)
    return cluster, binaries, account


def _join(data_dir: Path) -> Server | None:
    """The server that another owner runs on this directory, None while it is not ready."""
    cluster = (data_dir / CLUSTER_NAME).resolve()
    running = find_postmaster(cluster)
    major = existing_major(cluster)
    if running is None or major is None or not running.ready:
        return None
    return Server(data_dir, running.socket_dir, running.pid, major)


def _make_directory(data_dir: Path) -> Path:
    try:
        data_dir.mkdir(parents=True)
        data_dir.chmod(
            0o711
        )  # all in it is closed to others, and the user that Postgres runs as must get through
    except FileExistsError:
        pass
    except OSError as error:
        raise PostgresUnavailable(f"{data_dir} cannot be made: {error.strerror}") from error
    return data_dir.resolve()


def _try_lock(data_dir: Path) -> IO[bytes] | None:
    """The lock that makes an owner, None if another process has it; the kernel frees it when that ends."""
    try:
        lock = (data_dir / "owner.lock").open("ab")
    except PermissionError as error:
        raise PostgresUnavailable(
            f"{data_dir} belongs to another user: remove it, or work as that user"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
