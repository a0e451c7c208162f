"""The kinds of form tools. Each file knows one, and does no I/O."""

from collections.abc import Mapping
from typing import Final

from app.forms.vendors.base import FormKind
from app.forms.vendors.generic import GenericForm

FORM_KINDS: Final[Mapping[str, FormKind]] = {each.kind: each for each in (GenericForm(),)}
"""The one place where a kind is found by its name. Add yours here."""
