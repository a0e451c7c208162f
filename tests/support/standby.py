"""A second real Postgres that follows the first one, as a standby does."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools.embedded_postgres import Server, start
from devtools.embedded_postgres.account import choose_account, reachable_binaries
from devtools.embedded_postgres.cluster import CLUSTER_NAME, SUPERUSER, place_cluster
from tests.support.postgres import FOUND

NAME = "second"
"""How the primary knows the standby."""


@contextmanager
def standby_of(primary: Server, place: Path) -> Iterator[Server]:
    """A hot standby with its data in `place`."""
    place.mkdir()
    place.chmod(0o711)
    account = choose_account(place / CLUSTER_NAME)
    cluster = place_cluster(place, account)
    cluster.mkdir(mode=0o700)
    account.take_ownership(cluster)
    programs = reachable_binaries(FOUND[primary.major], account).directory
    command = [
        *account.prefix,
        str(programs / "pg_basebackup"),
        "--pgdata",
        str(cluster),
        "--write-recovery-conf",
    ]
    command += ["--checkpoint=fast", "--no-sync"]
    command += ["--dbname", f"host={primary.socket_dir} user={SUPERUSER} application_name={NAME}"]
    subprocess.run(command, check=True, capture_output=True, **account.popen_arguments())
    with start(place, FOUND[primary.major].directory, durable=False) as server:
        yield server
