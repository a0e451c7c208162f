"""A process may be started without standard streams."""

import os
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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_output_that_cannot_be_written_is_told() -> None:
    command = [sys.executable, "-m", "lead_assignment", "--version"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
    told = b"The output cannot be written: No space left on device.\n"
    assert (done.returncode, done.stderr) == (1, told)
