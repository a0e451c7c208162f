"""Who may call: S-01 to S-07 of the security statements."""

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI

from app import keys
from app.api.http.auth import FailureLimit, requires
from app.api.http.key_lookups import MAX_UNKNOWN_IDS, REFRESH_SECONDS
from app.api.http.routing import StrictRoute
from app.keys import DEVELOPMENT_KEY, SCOPES
from tests.api.declared import undeclared_target
from tests.api.small_app import LEAD, LOCAL, Small, router

ABROAD = ("203.0.113.9", 4321)


def scope_with(key: str) -> dict[str, Any]:
    """What a server tells the app of a request with this key."""
    return {"headers": [(b"authorization", f"Bearer {key}".encode())], "client": ABROAD}


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"{", b"\xff\xfe", b"[" * 100_000, b"x" * 1_000_000, b'{"lead": {"email": "a@b.example"}}'],
)
@pytest.mark.parametrize("headers", [{}, {"content-type": "application/json"}, {"content-type": "text/xml"}])
async def test_any_body_without_a_key_gets_401(small: Small, body: bytes, headers: dict[str, str]) -> None:
    async with small.client(None) as client:
        answer = await client.post("/assign", content=body, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic ZGV2LWtleQ==",
        "dev-key",
        "Bearer nonsense",
        "Bearer la_live_a_b_c",
        "Bearer é",
    ],
)
async def test_malformed_key_gets_401(small: Small, sent: str) -> None:
    async with small.client(None) as client:
        answer = await client.post("/assign", json=LEAD, headers=[(b"Authorization", sent.encode("latin-1"))])
    assert answer.status_code == 401


async def test_two_keys_at_once_are_none(small: Small) -> None:
    key = small.stored.issue("assign")
    async with small.client(None) as client:
        answer = await client.post("/assign", json=LEAD, headers=[("Authorization", f"Bearer {key}")] * 2)
    assert answer.status_code == 401


async def test_a_public_route_needs_no_key(small: Small) -> None:
    async with small.client(None) as client:
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("scope", sorted(SCOPES))
async def test_only_the_scope_itself_or_admin_opens_a_route(small: Small, scope: str) -> None:
    async with small.client(small.stored.issue(scope)) as client:
        assign = await client.post("/assign", json=LEAD)
        either = await client.post("/impatient", json=LEAD)
        read = await client.get("/words/hello")
    assert either.status_code == (200 if scope in ("assign", "claim", "admin") else 403)
    assert assign.status_code == (200 if scope in ("assign", "admin") else 403)
    assert read.status_code == (200 if scope in ("leads:read", "admin") else 403)


async def test_the_caller_is_the_keys_workspace(small: Small) -> None:
    async with small.client(small.stored.issue("assign", workspace=42)) as client:
        assert (await client.post("/assign", json=LEAD)).json()["workspace"] == 42


async def test_two_live_keys_work_side_by_side(small: Small) -> None:
    for key in (small.stored.issue("assign"), small.stored.issue("assign")):
        async with small.client(key) as client:
            assert (await client.post("/assign", json=LEAD)).status_code == 200


async def test_a_revoked_key_gets_401(small: Small) -> None:
    async with small.client(small.stored.issue("assign", revoked=True)) as client:
        assert (await client.post("/assign", json=LEAD)).status_code == 401


async def test_revoked_key_is_refused_within_five_seconds(small: Small) -> None:
    key = small.stored.issue("assign")
    async with small.client(key) as client:
        assert (await client.post("/assign", json=LEAD)).status_code == 200
        small.stored.keys.clear()
        assert (await client.post("/assign", json=LEAD)).status_code == 200
        small.clock.at += 5
        assert (await client.post("/assign", json=LEAD)).status_code == 401


async def test_a_key_is_looked_up_once_while_it_is_fresh(small: Small) -> None:
    async with small.client(small.stored.issue("assign")) as client:
        for _ in range(5):
            await client.post("/assign", json=LEAD)
    assert small.stored.asked == 1


async def test_key_in_use_is_read_again_before_it_is_too_old(small: Small) -> None:
    others = asyncio.all_tasks()
    async with small.client(small.stored.issue("assign")) as client:
        for asked, away in ((1, False), (2, False), (3, True)):
            small.stored.away = away
            assert (await client.post("/assign", json=LEAD)).status_code == 200
            for task in asyncio.all_tasks() - others:
                await asyncio.wait([task])
            assert small.stored.asked == asked
            small.clock.at += REFRESH_SECONDS
        # The last look-up failed, and what is known has become too old by now.
        assert (await client.post("/assign", json=LEAD)).status_code == 503


async def test_a_wrong_secret_for_a_known_id_gets_401(small: Small) -> None:
    known = keys.parse(small.stored.issue("assign"))
    assert known is not None
    forged = keys.Key("test", known.id, keys.issue("test").secret)
    async with small.client(forged.text()) as client:
        assert (await client.post("/assign", json=LEAD)).status_code == 401


async def test_a_peer_that_fails_too_often_is_told_to_wait(small: Small) -> None:
    async def fail() -> int:
        async with small.client(keys.issue("test").text(), peer=ABROAD) as client:
            answer = await client.get("/words/hello")
            assert answer.status_code != 429 or 1 <= int(answer.headers["retry-after"]) <= 61
            return answer.status_code

    assert [await fail() for _ in range(30)] == [401] * 30
    assert await fail() == 429
    small.clock.at += 61
    assert await fail() == 401


async def status_with(small: Small, key: str, peer: tuple[str, int] = ABROAD) -> int:
    async with small.client(key, peer=peer) as client:
        return (await client.get("/words/hello")).status_code


async def test_a_valid_key_is_served_whatever_failed_from_its_address(small: Small) -> None:
    for _ in range(31):
        last = await status_with(small, keys.issue("test").text())
    assert last == 429
    revoked = small.stored.issue("leads:read", revoked=True)
    assert [await status_with(small, revoked) for _ in range(12)] == [429] * 12
    never_seen = small.stored.issue("leads:read")
    assert [await status_with(small, never_seen) for _ in range(2)] == [200, 200]


async def test_a_new_key_works_at_once_while_wrong_keys_arrive(small: Small) -> None:
    wrong = [keys.issue("test").text() for _ in range(40)]
    await asyncio.gather(*(status_with(small, key) for key in wrong))
    created = small.stored.issue("leads:read")
    several = await asyncio.gather(*(status_with(small, key) for key in (*wrong, created)))
    assert several[-1] == 200


async def test_wrong_keys_that_arrive_together_share_one_query(small: Small) -> None:
    wrong = [keys.issue("test").text() for _ in range(50)]
    await asyncio.gather(*(status_with(small, key) for key in wrong))
    assert small.stored.asked <= 2
    # From here on the peer has failed too often, and these are known not to exist.
    asked = small.stored.asked
    await asyncio.gather(*(status_with(small, key) for key in wrong))
    assert small.stored.asked == asked
    small.clock.at += 5
    await asyncio.gather(*(status_with(small, key) for key in wrong))
    assert small.stored.asked <= asked + 2


async def test_wrong_keys_push_no_valid_key_out_of_the_cache(small: Small) -> None:
    valid = small.stored.issue("leads:read")
    assert await status_with(small, valid) == 200
    for _ in range(3):
        wrong = [keys.issue("test").text() for _ in range(MAX_UNKNOWN_IDS // 2)]
        await asyncio.gather(
            *(small.authentication.caller(scope_with(key)) for key in wrong), return_exceptions=True
        )
    asked = small.stored.asked
    assert await status_with(small, valid) == 200
    assert small.stored.asked == asked


async def test_a_failed_look_up_reaches_everyone_who_waits_and_the_next_one_works(small: Small) -> None:
    valid = small.stored.issue("leads:read")
    small.stored.away = True
    assert await asyncio.gather(*(status_with(small, valid) for _ in range(3))) == [503] * 3
    small.stored.away = False
    assert await status_with(small, valid) == 200


async def test_failures_are_counted_by_their_reason(small: Small) -> None:
    text = small.stored.issue("leads:read")
    known = keys.parse(text)
    assert known is not None
    sent = {
        "malformed": "nonsense",
        "unknown": keys.issue("test").text(),
        "wrong_secret": keys.Key("test", known.id, keys.issue("test").secret).text(),
        "revoked": small.stored.issue("leads:read", revoked=True),
    }
    for key in (text, *sent.values()):
        await status_with(small, key)
    assert small.failed == list(sent)


async def test_failures_with_a_key_id_do_not_lock_out_the_holder_of_the_key(small: Small) -> None:
    text = small.stored.issue("leads:read")
    key = keys.parse(text)
    assert key is not None
    forged = keys.Key("test", key.id, keys.issue("test").secret).text()
    statuses = []
    for last in range(12):
        async with small.client(forged, peer=(f"203.0.113.{last}", 1)) as client:
            statuses.append((await client.get("/words/hello")).status_code)
    assert statuses == [401] * 10 + [429] * 2
    async with small.client(text) as client:
        assert (await client.get("/words/hello")).status_code == 200


async def test_one_ipv6_network_counts_as_one_peer(small: Small) -> None:
    statuses = []
    for last in range(31):
        peer = (f"2001:db8::{last:x}", 1)
        async with small.client(keys.issue("test").text(), peer=peer) as client:
            statuses.append((await client.get("/words/hello")).status_code)
    assert statuses[-2:] == [401, 429]


async def test_callers_behind_a_trusted_proxy_are_peers_of_their_own(small: Small) -> None:
    small.app.state.trusted_proxies = [ip_network("203.0.113.0/24")]
    statuses = []
    for caller in ["198.51.100.1"] * 31 + ["198.51.100.2"]:
        async with small.client(keys.issue("test").text(), peer=ABROAD) as client:
            answer = await client.get("/words/hello", headers={"X-Forwarded-For": caller})
            statuses.append(answer.status_code)
    assert statuses[-2:] == [429, 401]


@pytest.mark.parametrize(
    ("peer", "server", "headers", "status"),
    [
        (LOCAL, "http://127.0.0.1:8000", {}, 200),
        (("::1", 1), "http://[::1]:8000", {}, 200),
        (ABROAD, "http://127.0.0.1:8000", {}, 401),
        (LOCAL, "http://192.0.2.1:8000", {}, 401),
        (LOCAL, "http://127.0.0.1:8000", {"X-Forwarded-For": "127.0.0.1"}, 401),
        (LOCAL, "http://127.0.0.1:8000", {"Forwarded": "for=127.0.0.1"}, 401),
        (LOCAL, "http://127.0.0.1:8000", {"Host": "localhost"}, 200),
        (LOCAL, "http://127.0.0.1:8000", {"Host": "LocalHost:8000"}, 200),
        (LOCAL, "http://127.0.0.1:8000", {"Host": "[::1]:8000"}, 200),
        (LOCAL, "http://127.0.0.1:8000", {"Host": "evil.example"}, 401),
        (LOCAL, "http://127.0.0.1:8000", {"Host": "evil.example:8000"}, 401),
        (LOCAL, "http://127.0.0.1:8000", {"Host": "127.0.0.1.evil.example"}, 401),
        (LOCAL, "http://127.0.0.1:8000", {"Host": "localhost:8000@evil.example"}, 401),
        (LOCAL, "http://127.0.0.1:8000", {"Host": ""}, 401),
    ],
)
async def test_development_key_works_between_loopback_addresses_only(
    small: Small, peer: tuple[str, int], server: str, headers: dict[str, str], status: int
) -> None:
    async with small.client(DEVELOPMENT_KEY, peer=peer, server=server) as client:
        answer = await client.post("/assign", json=LEAD, headers=headers)
    assert answer.status_code == status


async def test_the_development_key_acts_for_its_workspace(small: Small) -> None:
    async with small.client() as client:
        assert (await client.post("/assign", json=LEAD)).json()["workspace"] == 7


async def test_in_production_the_development_key_is_unknown() -> None:
    async with Small(development=False).client(DEVELOPMENT_KEY) as client:
        assert (await client.post("/assign", json=LEAD)).status_code == 401


async def test_development_key_follows_its_workspace_when_that_is_made_again(small: Small) -> None:
    async with small.client(DEVELOPMENT_KEY) as client:
        assert (await client.post("/assign", json=LEAD)).json()["workspace"] == 7
        small.development_workspace, small.clock.at = None, small.clock.at + 5
        assert (await client.post("/assign", json=LEAD)).status_code == 401
        small.development_workspace = 8
        assert (await client.post("/assign", json=LEAD)).json()["workspace"] == 8


def test_keys_are_random_enough_and_survive_being_written_down() -> None:
    issued = [keys.issue("live") for _ in range(100)]
    assert len({key.id for key in issued} | {key.secret for key in issued}) == 200
    for key in issued:
        assert keys.parse(key.text()) == key
        # 52 characters of base 32 hold 260 bits; 32 random bytes are 256.
        assert len(key.secret) == 52
        assert key.secret not in repr(key)
        assert len(key.secret_hash()) == 32


def test_mistyped_key_is_invalid() -> None:
    text = keys.issue("live").text()
    for position, letter in enumerate(text):
        other = "b" if letter == "a" else "a"
        assert keys.parse(text[:position] + other + text[position + 1 :]) is None
    assert keys.parse(text + "\n") is None


def test_an_endpoint_without_a_declared_scope_cannot_become_a_route() -> None:
    async def forgotten() -> None: ...

    with pytest.raises(LookupError, match="declares no scope"):
        APIRouter(route_class=StrictRoute).add_api_route("/forgotten", forgotten)
    with pytest.raises(ValueError, match="unknown scope"):
        requires("everything")


def test_a_route_of_another_class_is_found() -> None:
    app = FastAPI(openapi_url=None)
    app.include_router(router)
    assert undeclared_target(app) == []

    @app.get("/open")
    async def open_to_all() -> None: ...

    assert undeclared_target(app) == ["/open"]


def test_memory_of_failures_is_bounded_and_forgets_the_oldest() -> None:
    limit = FailureLimit(allowed=1, window=60.0, clock=lambda: 1000.0, names=3)
    for number in range(100):
        limit.failed(f"peer-{number}")
    assert [limit.wait(f"peer-{number}") > 0 for number in (0, 96, 97, 98, 99)] == [
        False,
        False,
        True,
        True,
        True,
    ]


async def test_requests_without_a_key_are_limited_by_address_beside_valid_ones(small: Small) -> None:
    key = small.stored.issue(*keys.SCOPES)
    async with small.client(None) as nobody, small.client(key) as somebody:
        answers = [await nobody.post("/assign", json=LEAD) for _ in range(301)]
        assert [answer.status_code for answer in answers] == [401] * 300 + [429]
        assert (await nobody.get("/healthz")).status_code == 200
        assert (await somebody.post("/assign", json=LEAD)).status_code == 200
