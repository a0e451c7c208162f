"""`python -m lead_assignment` and the console script `lead-assignment`."""

import sys

from app import signals

SERVERS = ("serve", "worker")


def main() -> None:
    """Run a command. A signal ends a server with code 0 from here on: imports take most of its start."""
    if sys.argv[1:2] and sys.argv[1] in SERVERS:
        signals.end_at_once()
    from app.cli import main as run

    run()


if __name__ == "__main__":
    main()
