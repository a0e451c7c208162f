"""A process that may open too few files says so and does not start: it could not answer anybody."""

import resource

import pytest

from app.cli.context import CommandError
from app.cli.serve import require_files
from app.settings import Settings


@pytest.mark.parametrize(("limit", "pool_size", "missing"), [(153, 10, 1), (154, 10, 0), (154, 50, 40)])
def test_too_few_files_end_the_start_with_a_sentence(limit: int, pool_size: int, missing: int) -> None:
    settings = Settings(pool_size=pool_size)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        if not missing:
            require_files(settings)
            return
        with pytest.raises(CommandError, match=f"{missing} more are needed"):
            require_files(settings)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
