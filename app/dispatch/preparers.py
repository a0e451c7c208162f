"""What is found out about leads before the lock, in its order."""

from collections.abc import Sequence

from app.dispatch.account_names import AccountNames
from app.dispatch.enrichment import Enrichment
from app.dispatch.preparation import Preparer
from app.enrichment.enricher import Enricher
from app.metrics.process import Metrics
from app.store.connection.pool import Pool


def make_preparers(pool: Pool, metrics: Metrics, enricher: Enricher) -> Sequence[Preparer]:
    """The preparers of a process. Names are looked up last, because a company may have been filled."""
    return (Enrichment(enricher), AccountNames(pool, metrics))
