"""What is found out about leads before the lock, in its order."""

from collections.abc import Sequence

from app.dispatch.account_names import AccountNames
from app.dispatch.preparation import Preparer
from app.metrics.process import Metrics
from app.store.connection.pool import Pool


def make_preparers(pool: Pool, metrics: Metrics) -> Sequence[Preparer]:
    """The preparers of a process."""
    return (AccountNames(pool, metrics),)
