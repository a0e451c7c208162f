"""Starts a server or joins a running one. Each data directory has one owner, and the server ends with it."""

import fcntl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

from devtools.embedded_postgres.account import Account, choose_account, reachable_binaries
from devtools.embedded_postgres.binaries import Binaries, PostgresUnavailable, inspect
from devtools.embedded_postgres.cluster import (
    CLUSTER_NAME,
    SUPERUSER,
    create,
    existing_major,
    place_cluster,
    socket_directory,
    suitable_binaries,
)
from devtools.embedded_postgres.launch import NOT_DURABLE, Launched, command_line, launch
from devtools.embedded_postgres.postmaster import POLL_SECONDS, end_postmaster, find_postmaster

START_SECONDS = 60.0  # recovery after a crash takes a while


@dataclass
class Server:
    """A running Postgres. `stop`, or leaving the context, ends it if this process owns it."""

    data_dir: Path
    socket_dir: Path
    pid: int
    major: int
    _lock: IO[bytes] | None = field(default=None, repr=False)
    _launched: Launched | None = field(default=None, repr=False)

    @property
    def dsn(self) -> str:
        """The address of the maintenance database, for asyncpg and libpq."""
        return self.database_dsn("postgres")

    @property
    def owned(self) -> bool:
        """Whether this process started the server, and `stop` ends it."""
        return self._launched is not None

    def database_dsn(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={self.socket_dir}"

    def stop(self) -> None:
        """End the server if this process owns it. A second call does nothing."""
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
class ServerOptions:
    """How to run the server if this process becomes its owner."""

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
    """Start the Postgres with its data in `data_dir`, or join it. The first start creates the data.

    The process that starts the server owns it, and the server ends with that process, even if it is killed.
    Other processes join the server and leave it running.

    `bin_dir` overrides the search for programs. `durable=False` trades safety from power failures for speed.
    `settings` are Postgres parameters. `account` is the user to run as. Raises PostgresUnavailable.
    """
    options = ServerOptions(Path(bin_dir) if bin_dir else None, durable, settings or {}, account)
    data_dir = _make_directory(Path(data_dir).absolute())
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        lock = _try_lock(data_dir)
        server = _join(data_dir) if lock is None else _own(data_dir, lock, options, deadline)
        if server is not None:
            return server
        time.sleep(POLL_SECONDS)
    raise PostgresUnavailable(
        f"The process that owns {data_dir} did not start its server within {START_SECONDS:.0f} seconds."
    )


def _own(data_dir: Path, lock: IO[bytes], options: ServerOptions, deadline: float) -> Server:
    try:
        cluster, binaries, account = _prepare(data_dir, options)
        end_postmaster(cluster)
        socket_dir = socket_directory(data_dir, cluster)
        settings = {**({} if options.durable else NOT_DURABLE), **options.settings}
        command = command_line(account, binaries, cluster, socket_dir, settings)
        launched = launch(command, account, cluster, data_dir / "postgres.log", deadline)
    except BaseException:
        lock.close()
        raise
    return Server(data_dir, socket_dir, launched.process.pid, binaries.major, lock, launched)


def _prepare(data_dir: Path, options: ServerOptions) -> tuple[Path, Binaries, Account]:
    """The data directory, created if needed, and the binaries and the account that can serve it."""
    cluster = (data_dir / CLUSTER_NAME).resolve()  # can be a link to a directory that the account can access
    account = options.account or choose_account(cluster)
    binaries = reachable_binaries(
        inspect(options.bin_dir) if options.bin_dir else suitable_binaries(cluster), account
    )
    if existing_major(cluster) is None:
        if not (data_dir / CLUSTER_NAME).is_symlink():
            cluster = place_cluster(data_dir, account)
        create(cluster, binaries, account, durable=options.durable)
    return cluster, binaries, account


def _join(data_dir: Path) -> Server | None:
    """The server of another owner of this directory, or None while it is not ready."""
    cluster = (data_dir / CLUSTER_NAME).resolve()
    running = find_postmaster(cluster)
    major = existing_major(cluster)
    if running is None or major is None or not running.ready:
        return None
    return Server(data_dir, running.socket_dir, running.pid, major)


def _make_directory(data_dir: Path) -> Path:
    try:
        data_dir.mkdir(parents=True)
        data_dir.chmod(0o711)  # its contents are private, and the user that Postgres runs as must reach them
    except FileExistsError:
        pass
    except OSError as error:
        raise PostgresUnavailable(f"Cannot create {data_dir}: {error.strerror}.") from error
    return data_dir.resolve()


def _try_lock(data_dir: Path) -> IO[bytes] | None:
    """The owner's lock, or None if another process has it. The kernel frees it when that process ends."""
    try:
        lock = (data_dir / "owner.lock").open("ab")
    except PermissionError as error:
        raise PostgresUnavailable(
            f"{data_dir} belongs to another user. Remove it, or use that account."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
