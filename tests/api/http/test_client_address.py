"""The caller's address is the last one that no trusted proxy has; callers cannot choose it."""

from collections.abc import Sequence

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.types import Scope

from app.api.http.client_address import MAX_HOPS, client_of
from app.settings import Settings

PROXY = "10.0.0.1"
TRUSTED = "10.0.0.0/8, 2001:db8:1::/48,192.0.2.7"


def scope_of(peer: str | None, headers: Sequence[tuple[str, str]], trusted: str = TRUSTED) -> Scope:
    app = FastAPI()
    app.state.trusted_proxies = Settings(trusted_proxies=trusted).trusted_proxies  # type: ignore[arg-type]
    sent = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": "http", "app": app, "headers": sent, "client": (peer, 4711) if peer else None}


@pytest.mark.parametrize(
    ("peer", "sent", "client"),
    [
        (PROXY, "203.0.113.9", "203.0.113.9"),
        (PROXY, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (PROXY, "198.51.100.1, 203.0.113.9, 10.0.0.2, 192.0.2.7", "203.0.113.9"),
        (PROXY, "10.0.0.2", "10.0.0.2"),
        (PROXY, "203.0.113.9:4711", "203.0.113.9"),
        (PROXY, "2001:db8::9", "2001:db8::9"),
        (PROXY, "[2001:db8::9]:4711", "2001:db8::9"),
        (PROXY, "::ffff:203.0.113.9", "203.0.113.9"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("2001:db8:1::5", "203.0.113.9", "203.0.113.9"),
        (PROXY, "203.0.113.9, unknown", PROXY),
        (PROXY, "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
        (PROXY, "203.0.113.9,", PROXY),
        (PROXY, "", PROXY),
        (PROXY, "fe80::1%<script>", PROXY),
        (PROXY, "203.0.113.9, 999.1.1.1", PROXY),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("192.0.2.8", "198.51.100.1", "192.0.2.8"),
        (PROXY, "203.0.113.9, " + "10.0.0.2, " * (MAX_HOPS - 1) + "10.0.0.3", "10.0.0.2"),
    ],
)
def test_last_address_that_is_no_proxy_counts(peer: str, sent: str, client: str) -> None:
    assert client_of(scope_of(peer, [("X-Forwarded-For", sent)])) == client


@pytest.mark.parametrize(
    ("sent", "client"),
    [
        ("for=203.0.113.9", "203.0.113.9"),
        ('For="[2001:db8::9]:4711";proto=https;by=10.0.0.2', "2001:db8::9"),
        ("for=198.51.100.1, proto=http; for=203.0.113.9 ;by=10.0.0.1, for=10.0.0.2", "203.0.113.9"),
        ("for=203.0.113.9, for=_hidden", PROXY),
        ("for=203.0.113.9, proto=https", PROXY),
        ("for=203.0.113.9;for=198.51.100.1", PROXY),
        ('by="for=203.0.113.9"', PROXY),
        ('for="203.0.113.9', PROXY),
    ],
)
def test_forwarded_is_read_like_x_forwarded_for(sent: str, client: str) -> None:
    assert client_of(scope_of(PROXY, [("Forwarded", sent)])) == client


def test_several_headers_are_one_list() -> None:
    sent = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.9")]
    assert client_of(scope_of(PROXY, sent)) == "203.0.113.9"


def test_header_that_the_caller_added_beside_the_one_of_the_proxy_counts_as_none() -> None:
    sent = [("Forwarded", "for=203.0.113.9"), ("X-Forwarded-For", "198.51.100.1")]
    assert client_of(scope_of(PROXY, sent)) == PROXY
    sent = [("Forwarded", "for=203.0.113.9"), ("X-Forwarded-For", "203.0.113.9")]
    assert client_of(scope_of(PROXY, sent)) == "203.0.113.9"


def test_without_trusted_proxies_only_the_connection_counts() -> None:
    sent = [("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9")]
    assert client_of(scope_of(PROXY, sent, trusted="")) == PROXY


def test_connection_without_an_address_has_an_empty_one() -> None:
    assert client_of(scope_of(None, [("X-Forwarded-For", "203.0.113.9")])) == ""


@pytest.mark.parametrize("networks", ["10.0.0.1/8", "proxy.example", "0.0.0.0/0", "10.0.0.0/8, ::/0"])
def test_setting_must_be_networks_and_not_everything(networks: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings(trusted_proxies=networks)  # type: ignore[arg-type]


def test_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAD_ASSIGNMENT_TRUSTED_PROXIES", "10.0.0.0/8,::1")
    assert [str(each) for each in Settings().trusted_proxies] == ["10.0.0.0/8", "::1/128"]
