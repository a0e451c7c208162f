"""The kinds of endpoints. Each file knows one vendor, and does no I/O."""

from collections.abc import Mapping
from typing import Final

from app.webhooks.crm_events import Vendor
from app.webhooks.vendors.dynamics import Dynamics
from app.webhooks.vendors.hubspot import HubSpot
from app.webhooks.vendors.pipedrive import Pipedrive
from app.webhooks.vendors.salesforce import Salesforce
from app.webhooks.vendors.standard import StandardWebhooks
from app.webhooks.vendors.zoho import Zoho

VENDORS: Final[Mapping[str, Vendor]] = {
    "hubspot": HubSpot(),
    "salesforce": Salesforce(),
    "standard": StandardWebhooks(),
    "pipedrive": Pipedrive(),
    "dynamics": Dynamics(),
    "zoho": Zoho(),
}
