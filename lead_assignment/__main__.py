"""`python -m lead_assignment` and the console script `lead-assignment`."""

from app.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
