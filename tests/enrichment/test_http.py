"""`http`: what each answer of a service comes to, and which settings a plan may have."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from app.engine.model.enrichment_terms import ProviderTerms
from app.enrichment.calls import Asked as AskedProvider
from app.enrichment.provider import Tools
from app.enrichment.providers.http import HttpConfig, HttpProvider
from app.enrichment.registry import findings_in, installed
from app.outbox.safe_http import AllowedHosts, SafeHttp
from app.plan.document.enrichment import Enrichment
from tests.support.answering import Answer, answering

FIRM = {"firm": {"sector": "software", "people": [{"count": 900}]}}
FILL = {"industry": "firm.sector", "employees": "firm.people[0].count"}
FOUND = {"industry": "software", "employees": 900}


def large(size: int) -> bytes:
    """A document of so many bytes."""
    document = {**FIRM, "more": ""}
    return orjson.dumps({**document, "more": "x" * (size - len(orjson.dumps(document)))})


ANSWERS: list[tuple[Answer | None, str, str | None, dict[str, Any]]] = [
    ((200, FIRM), "found", None, FOUND),
    ((200, {"firm": {"sector": "retail", "people": []}}), "found", None, {"industry": "retail"}),
    ((200, large(65_536)), "found", None, FOUND),
    ((200, large(65_537)), "failed", "answer_too_long", {}),
    ((200, {"firm": {"sector": "", "people": None}}), "empty", None, {}),
    ((200, {}), "empty", None, {}),
    ((200, [1, 2]), "empty", None, {}),
    ((200, "text"), "empty", None, {}),
    ((204, b""), "empty", None, {}),
    ((404, FIRM), "empty", None, {}),
    ((200, b""), "failed", "answer_unreadable", {}),
    ((200, b'{"firm": '), "failed", "answer_unreadable", {}),
    ((200, b'{"firm": {"sector": NaN}}'), "failed", "answer_unreadable", {}),
    ((200, b"[" * 30_000 + b"]" * 30_000), "failed", "answer_unreadable", {}),
    ((302, FIRM, "Location: https://data.firms.example/other\r\n"), "failed", "status_302", {}),
    ((408, {}), "failed", "status_408", {}),
    ((500, FIRM), "failed", "status_500", {}),
    ((400, {}), "refused", "status_400", {}),
    ((422, {}), "refused", "status_422", {}),
    ((401, {}), "denied", "status_401", {}),
    ((403, {}), "denied", "status_403", {}),
    ((429, {}), "later", "status_429", {}),
    (None, "failed", "timeout", {}),
]
"""What the service answers, and the outcome of the call: its kind, code and values."""


async def test_outcome_of_every_answer() -> None:
    http, current = SafeHttp(), list[Answer | None]()
    async with answering(lambda _: current[-1], http) as service:
        for answer, kind, code, values in ANSWERS:
            current.append(answer)
            config = HttpConfig(url=service.base + "/{email_domain}")
            wait = timedelta(seconds=0.2 if answer is None else 10)
            outcome = await asked(config, wait).call({"email_domain": "larch.example"}, Tools(http, {}))
            assert (outcome.kind, outcome.code, outcome.values) == (kind, code, values), answer
    assert len(service.asked) == len(ANSWERS)


async def test_name_is_looked_up_once_for_a_call_and_checked_at_each() -> None:
    """A name server that answers with another address a moment later leads no call astray."""
    http, addresses = SafeHttp(), [["10.0.0.1"], ["127.0.0.1", "::1"], ["127.0.0.1"]]
    async with answering(lambda _: (200, FIRM), http) as service:

        async def changing(_host: str, _port: int) -> list[str]:
            return addresses.pop()

        http.allowed, http.resolve = AllowedHosts.parse("127.0.0.1"), changing
        firms = asked(HttpConfig(url=service.base + "/{email_domain}"), timedelta(seconds=10))
        calls = [await firms.call({"email_domain": "larch.example"}, Tools(http, {})) for _ in range(3)]
    assert [each.kind for each in calls] == ["found", "denied", "denied"]
    assert (len(service.asked), addresses) == (1, [])


def asked(config: HttpConfig, wait: timedelta) -> AskedProvider:
    """The provider with these settings."""
    terms = ProviderTerms(
        provider="http",
        name="firms",
        fill=FILL,
        timeout=wait.total_seconds(),
        cache=timedelta(days=30),
        cache_empty=timedelta(hours=1),
        max_failures=5,
        open_for=timedelta(seconds=15),
        settings={},
    )
    return AskedProvider(terms, HttpProvider(), config)


@pytest.mark.parametrize(
    ("settings", "path", "words"),
    [
        ({"url": "http://firms.example/{company}"}, "url", "must start with https"),
        ({"url": "https://me:secret@firms.example/{company}"}, "url", "The URL"),
        ({"url": "https://{email_domain}/x"}, "url", "The URL"),
        ({"url": "https://api.{company}.example/"}, "url", "after the host"),
        ({"url": "https://firms.example/x"}, "url", "a field of the lead in braces"),
        ({"url": "https://2130706433/{company}"}, "url", "The URL"),
        ({"url": "https://firms.example/{nope}"}, "", "unknown field"),
        ({"url": "https://firms.example/{company}", "header": "Host"}, "header", "the name of a header"),
        ({"url": "https://firms.example/{company}", "header": "X: 1"}, "header", "the name of a header"),
        ({"url": "https://firms.example/{company}", "urls": 1}, "urls", "Did you mean url"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings: dict[str, Any], path: str, words: str) -> None:
    entry = {"provider": "http", "fill": FILL, "settings": settings}
    (finding,) = findings_in(Enrichment.model_validate({"providers": [entry]}), installed())
    assert finding.path == f"enrichment.providers[0].settings.{path}".rstrip(".")
    assert words in finding.text
    assert "secret" not in finding.text
