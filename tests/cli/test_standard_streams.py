"""A process may be started without standard streams."""

import subprocess
import sys

import pytest

SOURCE = """
import socket, sys
from app.cli import open_standard_streams
open_standard_streams()
print("to nobody")
print("to nobody", file=sys.stderr)
sys.exit(socket.socket().fileno() <= 2)
"""


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_no_socket_gets_the_number_of_a_standard_stream(closed: str) -> None:
    started = ["/bin/sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, SOURCE]
    assert subprocess.run(started, check=False, timeout=60).returncode == 0
