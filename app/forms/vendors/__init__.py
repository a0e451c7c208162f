"""The kinds of form tools. Each file knows one, and does no I/O."""

from collections.abc import Mapping
from typing import Final

from app.forms.vendors.base import FormKind
from app.forms.vendors.calendly import Calendly
from app.forms.vendors.callrail import CallRail
from app.forms.vendors.generic import GenericForm
from app.forms.vendors.google_ads import GoogleAds
from app.forms.vendors.gravity_forms import GravityForms
from app.forms.vendors.html import HtmlForm
from app.forms.vendors.hubspot_form import HubSpotForm
from app.forms.vendors.intercom import Intercom
from app.forms.vendors.jotform import Jotform
from app.forms.vendors.linkedin import LinkedIn
from app.forms.vendors.meta import Meta
from app.forms.vendors.typeform import Typeform
from app.forms.vendors.unbounce import Unbounce
from app.forms.vendors.webflow import Webflow
from app.forms.vendors.wordpress import ContactForm7, Elementor, WPForms
from app.forms.vendors.zoom_webinar import ZoomWebinar

_KINDS: Final[tuple[FormKind, ...]] = (
    CallRail(),
    Calendly(),
    ContactForm7(),
    Elementor(),
    GenericForm(),
    GoogleAds(),
    GravityForms(),
    HtmlForm(),
    HubSpotForm(),
    Intercom(),
    Jotform(),
    LinkedIn(),
    Meta(),
    Typeform(),
    Unbounce(),
    Webflow(),
    WPForms(),
    ZoomWebinar(),
)
FORM_KINDS: Final[Mapping[str, FormKind]] = {each.kind: each for each in _KINDS}
"""The one place where a kind is found by its name. Add yours here."""

SHAKING_HANDS: Final = frozenset(each.kind for each in _KINDS if "handshake" in vars(type(each)))
"""The kinds that answer handshakes."""
