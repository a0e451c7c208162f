"""`python -m lead_assignment` and the console script `lead-assignment`."""

import signal
import sys

from app import signals

SERVERS = ("serve", "worker")


def main() -> None:
    """Run a command. A signal ends a server with code 0 from here on: imports take most of its start.

    Control-C ends other commands. While they import, the system does it, without a traceback.
    """
    handler = signal.getsignal(signal.SIGINT)
    if sys.argv[1:2] and sys.argv[1] in SERVERS:
        signals.end_at_once()
        handler = None
    elif handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from app.cli import main as run

    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, handler)
    run()


if __name__ == "__main__":
    main()
