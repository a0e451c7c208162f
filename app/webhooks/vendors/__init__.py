"""The kinds of endpoints. Each file knows one vendor, and does no I/O."""

from collections.abc import Mapping
from typing import Final

from app.webhooks.crm_events import Vendor
from app.webhooks.vendors.hubspot import HubSpot
from app.webhooks.vendors.salesforce import Salesforce
from app.webhooks.vendors.standard import StandardWebhooks

VENDORS: Final[Mapping[str, Vendor]] = {
    "hubspot": HubSpot(),
    "salesforce": Salesforce(),
    "standard": StandardWebhooks(),
}
