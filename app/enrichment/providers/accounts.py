"""`accounts`: what the account of a lead says. It is known under the lock, so nothing is called."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from app.enrichment.provider import ProviderConfig, Tools
from app.plan.document.enrichment import ACCOUNTS, OF_ACCOUNTS


class AccountsProvider:
    """Fills fields from the matched account. `app.intake.filling` does it while a lead is decided."""

    name = ACCOUNTS
    Config: ClassVar[type[ProviderConfig]] = ProviderConfig
    fills: Mapping[str, str] = OF_ACCOUNTS
    cached = False

    def reads(self, config: ProviderConfig) -> Sequence[str]:  # noqa: ARG002
        """Nothing: the account is found anyway."""
        return ()

    def secrets(self, config: ProviderConfig) -> Mapping[str, str]:  # noqa: ARG002
        """None."""
        return {}

    async def fetch(self, query: Mapping[str, str], config: ProviderConfig, tools: Tools) -> Any:  # noqa: ARG002
        """Never asked."""
        return None
