"""Leads of Meta, from its Graph API.

What its errors mean stands in https://developers.facebook.com/docs/graph-api/guides/error-handling and
https://developers.facebook.com/docs/graph-api/overview/rate-limiting.
"""

import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from app.forms.fetch.base import Ask, Failed, document_of, failed_by_status
from app.forms.vendors.base import Delivery, FormTerms, Unreadable
from app.forms.vendors.meta import read_fetched
from app.outbox.safe_http import Document
from app.webhooks.vendors.payloads import mapping, text

VERSION: Final = "v24.0"
FIELDS: Final = (
    "id,created_time,field_data,custom_disclaimer_responses,form_id,ad_id,ad_name,adset_id,adset_name,"
    "campaign_id,campaign_name,is_organic,platform"
)
USAGE: Final = "x-business-use-case-usage"
_ID: Final = re.compile(r"[0-9]{1,32}")
_RATE: Final = frozenset((4, 17, 32, 613))
_TOKEN: Final = frozenset((102, 190, 463, 467))


class MetaLeads:
    """Implements FetchKind."""

    host = "https://graph.facebook.com"

    def proven(self, path: str, token: bytes, secret: bytes | None) -> str:
        """With the proof that the token is used by the app whose secret the endpoint has.

        Apps may demand it: https://developers.facebook.com/docs/graph-api/guides/secure-requests
        """
        if secret is None:
            return path
        return f"{path}&appsecret_proof={hmac.digest(secret, token, 'sha256').hex()}"

    async def fetch(self, ask: Ask, told: Delivery, terms: FormTerms, cache_key: object) -> Delivery:
        del cache_key
        id_ = str(told.fetch.get("leadgen_id"))
        if not _ID.fullmatch(id_):
            raise Failed("lead_not_found")
        answer = await ask(f"/{VERSION}/{id_}?fields={FIELDS}", {})
        document = document_of(answer)
        if answer.status != 200 or "error" in document:
            raise _failed(answer, mapping(document.get("error")))
        if document.get("id", id_) != id_:
            raise Unreadable("is another lead")
        return read_fetched(document, terms, told.fetch)


def _failed(answer: Document, error: Mapping[str, Any]) -> Failed:
    code = error.get("code")
    if not isinstance(code, int):
        return failed_by_status(answer)
    if code in _RATE or 80000 <= code < 80100:
        return Failed("rate_limited", answer.retry_after or _regained_after(answer))
    if code in _TOKEN:
        return Failed("token_invalid")
    if code in (3, 10) or 200 <= code < 300:
        return Failed("not_permitted")
    if code == 100 and "appsecret_proof" in text(error.get("message")):
        # The endpoint's secret is not that of the app. The lead is there.
        return Failed("not_permitted")
    if code == 100:
        return Failed("lead_not_found")
    if code in (1, 2) or error.get("is_transient") is True or answer.status >= 500:
        return Failed("unavailable", answer.retry_after)
    return Failed("unexpected")


def _regained_after(answer: Document) -> float | None:
    """The seconds until calls are taken again, if the answer says so."""
    try:
        usage = orjson.loads(answer.headers.get(USAGE, ""))
    except orjson.JSONDecodeError:
        return None
    minutes = [
        each["estimated_time_to_regain_access"]
        for of_object in mapping(usage).values()
        if isinstance(of_object, list)
        for each in map(mapping, of_object)
        if text(each.get("type")) in ("leadgen", "")
        and isinstance(each.get("estimated_time_to_regain_access"), int | float)
    ]
    return 60.0 * max(minutes) if minutes and max(minutes) > 0 else None
