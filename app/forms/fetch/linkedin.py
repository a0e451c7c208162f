"""Leads of LinkedIn's Lead Sync: the response to a form, and the form, which says what was asked."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from app.forms.fetch.base import Ask, Failed, document_of, failed_by_status
from app.forms.vendors.base import Delivery, FormTerms
from app.forms.vendors.linkedin import read_fetched
from app.webhooks.vendors.payloads import identifier, mapping

VERSION: Final = "202610"
FIELDS: Final = (
    "id,owner,ownerInfo,associatedEntity,associatedEntityInfo,leadMetadata,leadMetadataInfo,leadType,"
    "versionedLeadGenFormUrn,submittedAt,testLead,formResponse"
)
MAX_FORMS: Final = 512
HEADERS: Final[Mapping[str, str]] = {"LinkedIn-Version": VERSION, "X-Restli-Protocol-Version": "2.0.0"}
_FORM: Final = re.compile(r"urn:li:leadGenForm:([0-9]+)")
_LAST: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")


class LinkedInLeads:
    """Implements FetchKind. A form is kept in memory; of each version there is only one."""

    host = "https://api.linkedin.com"

    def __init__(self) -> None:
        self._forms: OrderedDict[tuple[object, str], Mapping[str, Any]] = OrderedDict()

    def proven(self, path: str, token: bytes, secret: bytes | None) -> str:
        del token, secret
        return path

    async def fetch(self, ask: Ask, told: Delivery, terms: FormTerms, cache_key: object) -> Delivery:
        id_ = str(told.fetch.get("response")).rpartition(":")[2]
        if not _LAST.fullmatch(id_):
            raise Failed("lead_not_found")
        answer = await ask(f"/rest/leadFormResponses/{quote(id_, safe='')}?fields={FIELDS}", HEADERS)
        if answer.status != 200:
            raise failed_by_status(answer)
        response = document_of(answer)
        form = mapping(response.get("form"))
        if not form:
            version = identifier(response.get("versionedLeadGenFormUrn")) or str(told.fetch.get("form"))
            form = await self._form(ask, version, cache_key)
        # The notification and the response name the person alike, in two forms of one id.
        return replace(read_fetched(response, form, terms), id=told.id, record=told.record)

    async def _form(self, ask: Ask, version: str, cache_key: object) -> Mapping[str, Any]:
        """The form of a version, without questions if LinkedIn does not know it any more."""
        key = (cache_key, version)
        known = self._forms.get(key)
        if known is not None:
            self._forms.move_to_end(key)
            return known
        named = _FORM.search(version) or re.fullmatch(r"([0-9]+)", version)
        if named is None:
            return {}
        answer = await ask(f"/rest/leadForms/{named[1]}", HEADERS)
        if answer.status == 404:
            return {}
        form = document_of(answer)
        if answer.status != 200 or not form:
            raise failed_by_status(answer)
        self._forms[key] = form
        if len(self._forms) > MAX_FORMS:
            self._forms.popitem(last=False)
        return form
