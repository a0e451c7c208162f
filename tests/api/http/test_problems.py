"""Every error is a problem with a place and a code, and never repeats input (S-13 to S-21, S-44)."""

from typing import Any

import orjson
import pytest

from app import errors, keys
from app.api.http.middleware import CLIENT_GONE, SECURITY_HEADERS, RequestMiddleware
from app.api.http.problems import MAX_BYTES, problem_bytes
from app.contract.faults import problem_document
from app.errors import Fault, Problem
from app.logs import AccessLog
from tests.api.small_app import Lines, Small

CANARY = "canary-7f3a@secret.example"


@pytest.mark.parametrize(
    ("method", "url", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/assign/", 404, "not_found"),
        ("GET", "/assign", 405, "method_not_allowed"),
        ("TRACE", "/assign", 405, "method_not_allowed"),
        ("GET", "/leads/no-id", 404, "not_found"),
        ("GET", "/words/a%00b", 404, "not_found"),
        ("GET", "/words/" + "w" * 256, 404, "not_found"),
        ("GET", "/words/a%FFb", 404, "not_found"),
        ("GET", "/words/fine?q=%00", 400, "bad_request"),
        ("GET", "/leads/5f0c6f0e-7c2b-7a5e-8000-000000000000?cursor=9", 422, "invalid"),
        ("GET", "/leads/5f0c6f0e-7c2b-7a5e-8000-000000000000?limit=many", 422, "invalid"),
        ("GET", "/words/conflict", 409, "in_use"),
        ("GET", "/words/overloaded", 503, "overloaded"),
        ("GET", "/words/bug", 500, "internal"),
    ],
)
async def test_every_error_is_a_problem(small: Small, method: str, url: str, status: int, code: str) -> None:
    async with small.client() as client:
        answer = await client.request(method, url)
    returned = answer.json()
    assert answer.status_code == returned["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert returned["code"] == code
    assert returned["type"] == f"urn:lead-assignment:problem:{code}"
    assert returned["title"]
    assert returned["request_id"] == answer.headers["x-request-id"]


async def test_headers_of_errors_reach_the_caller(small: Small) -> None:
    async with small.client() as client:
        assert (await client.get("/assign")).headers["allow"] == "POST"
        assert int((await client.get("/words/overloaded")).headers["retry-after"]) >= 1


def test_refused_callers_are_told_different_times_to_come_back() -> None:
    told = {errors.Overloaded().headers["Retry-After"] for _ in range(200)}
    assert told == {str(seconds) for seconds in range(1, errors.MAX_RETRY_AFTER + 1)}


async def test_a_fault_in_the_query_says_so_and_has_no_pointer(small: Small) -> None:
    async with small.client() as client:
        answer = await client.get("/leads/5f0c6f0e-7c2b-7a5e-8000-000000000000?limit=many")
    assert answer.json()["errors"] == [
        {"path": "limit", "in": "query", "code": "wrong_type", "detail": "must be an integer"}
    ]


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("cursor", "is not a known parameter; known are limit"),
        ("Limits", "is not a known parameter; did you mean limit?"),
        ("jane.doe", "is not a known parameter; known are limit"),
        (CANARY, "is not a known parameter; known are limit"),
    ],
)
async def test_unknown_query_parameter_is_refused_and_never_repeated(
    small: Small, name: str, detail: str
) -> None:
    async with small.client() as client:
        answer = await client.get(f"/leads/5f0c6f0e-7c2b-7a5e-8000-000000000000?limit=5&{name}=1")
    assert answer.json()["errors"] == [
        {"path": "…", "in": "query", "code": "unknown_field", "detail": detail}
    ]
    assert name not in answer.text + str(small.log.lines)


async def test_public_routes_ignore_query_parameters(small: Small) -> None:
    async with small.client() as client:
        assert (await client.get("/healthz?probe=7")).status_code == 200


async def test_a_fault_of_our_own_tells_the_caller_only_its_request_id(small: Small) -> None:
    async with small.client() as client:
        answer = await client.get("/words/bug")
    assert set(answer.json()) == {"type", "title", "status", "code", "request_id"}
    assert "jane" not in answer.text
    [error] = [line for line in small.log.lines if line["event"] == "unexpected"]
    assert error["error"] == ["ValueError"]
    assert any("small_app.py" in str(frame) for frame in error["frames"])  # type: ignore[attr-defined]
    assert "jane" not in str(small.log.lines)


@pytest.mark.parametrize("url", ["/healthz", "/nothing", "/words/bug", "/assign", "/leads/x"])
async def test_all_answers_carry_the_security_headers(small: Small, url: str) -> None:
    for key in ("dev-key", None):
        async with small.client(key) as client:
            answer = await client.get(url)
        for name, value in SECURITY_HEADERS:
            assert answer.headers.get_list(name.decode()) == [value.decode()]
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


async def test_a_method_cannot_be_overridden(small: Small) -> None:
    async with small.client() as client:
        answer = await client.post("/assign", json={}, headers={"X-HTTP-Method-Override": "DELETE"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert "x-frame-options" in answer.headers


@pytest.mark.parametrize("name", ["Idempotency-Key", "Content-Type"])
async def test_a_header_that_counts_is_sent_once(small: Small, name: str) -> None:
    async with small.client() as client:
        twice = [(name, "application/json"), (name.lower(), "application/json")]
        answer = await client.post("/assign", content=b"{}", headers=twice)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert name.lower() in answer.json()["detail"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("abcd-1234", True),
        ("7", True),
        ("a" * 128, True),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV", True),
        ("Root=1-67891233-abcdef012345678912345678", True),
        ("req_1.2:3", True),
        ("a" * 129, False),
        ("", False),
        ("jane@acme.example", False),
        ("with space", False),
        ('x"}{"level":"f', False),
    ],
)
async def test_a_request_id_is_taken_over_only_when_it_is_harmless(
    small: Small, sent: str, kept: bool
) -> None:
    async with small.client() as client:
        answer = await client.get("/healthz", headers={"X-Request-Id": sent})
    assert (answer.headers["x-request-id"] == sent) is kept
    assert answer.headers["x-request-id"]


TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("sent", "trace"),
    [
        (TRACEPARENT, TRACE),
        (TRACEPARENT.upper(), None),
        (f"ff{TRACEPARENT[2:]}", None),
        (TRACEPARENT.replace(TRACE, "0" * 32), None),
        (TRACEPARENT.replace("b7ad6b7169203331", "0" * 16), None),
        (TRACEPARENT + "-more", None),
        ("jane@acme.example", None),
    ],
)
async def test_trace_of_the_caller_is_in_log_and_response(small: Small, sent: str, trace: str | None) -> None:
    async with small.client() as client:
        answer = await client.get("/words/bug", headers={"traceparent": sent})
    assert answer.headers.get("traceparent") == (sent if trace else None)
    assert [line.get("trace_id") for line in small.log.lines] == [trace, trace]


async def test_log_says_which_workspace_and_key_called_and_never_the_secret(small: Small) -> None:
    text = small.stored.issue("leads:read", workspace=42)
    key = keys.parse(text)
    assert key
    async with small.client(text) as client:
        await client.get("/words/hello")
        await client.get("/healthz")
    called, public = small.log.lines
    assert (called["workspace"], called["key"]) == (42, key.id)
    assert not {"workspace", "key"} & public.keys()
    assert key.secret not in str(small.log.lines)


@pytest.mark.parametrize(("setting", "logged"), [("all", [200, 404]), ("errors", [404]), ("off", [])])
async def test_access_log_has_the_requests_of_the_setting(setting: AccessLog, logged: list[int]) -> None:
    lines, counted = Lines(), list[int]()

    async def answers(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": statuses.pop(0), "headers": []})

    app = RequestMiddleware(
        answers, log=lines, observe=lambda *seen: counted.append(seen[2]), access_log=setting
    )
    statuses = [200, 404]
    await _call(app)
    await _call(app)
    assert [line["status"] for line in lines.lines] == logged
    assert counted == [200, 404]


async def test_log_and_measurement_know_the_route_and_nothing_of_the_url(small: Small) -> None:
    async with small.client() as client:
        await client.get(f"/words/{CANARY}?q={CANARY}")
        await client.get(f"/{CANARY}")
        await client.request("BREW", "/healthz")
    assert small.observed == [
        ("/words/{word}", "GET", 422),
        ("unmatched", "GET", 404),
        ("/healthz", "OTHER", 405),
    ]
    assert [line["route"] for line in small.log.lines] == ["/words/{word}", "unmatched", "/healthz"]
    assert CANARY not in str(small.log.lines)


def _strings(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _strings(item, (*path, key))]
    if isinstance(value, list):
        return [found for position, item in enumerate(value) for found in _strings(item, (*path, position))]
    return [path]


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = document.copy()
    copy[path[0]] = _with(document[path[0]], path[1:], value)
    return copy


async def test_no_field_of_a_refused_lead_comes_back_or_reaches_the_log(small: Small, example: Any) -> None:
    places = _strings(example)
    assert len(places) > 40
    async with small.client() as client:
        for path in places:
            # Too long for an id, of the wrong type for a number, and beside a fault of another kind.
            spoilt = {**_with(example, path, [CANARY] * 3), CANARY: CANARY, "unknown": CANARY}
            answer = await client.post("/assign", json=spoilt)
            assert answer.status_code == 422
            assert "canary" not in answer.text
            assert len(answer.content) <= MAX_BYTES
            assert "unknown" in {error["path"] for error in answer.json()["errors"]}
    assert "canary" not in str(small.log.lines)


def test_invalid_names_are_not_repeated() -> None:
    returned = problem_document(
        errors.ValidationFailed(faults=[Fault(("lead", CANARY, 3, "x y", "ok"), "c", "d")])
    )
    assert returned["errors"] == [
        {"path": "lead.…[3].….ok", "pointer": "#/lead/…/3/…/ok", "code": "c", "detail": "d"}
    ]


@pytest.mark.parametrize("count", [0, 1, 20, 21, 1000])
@pytest.mark.parametrize("depth", [1, 32])
def test_number_of_reported_errors_is_limited(count: int, depth: int) -> None:
    fault = Fault(("n" * 64,) * depth, "code", "detail " * 10)
    body = problem_bytes(errors.ValidationFailed(faults=[fault] * count), {"request_id": "request-1"})
    returned = orjson.loads(body)
    assert len(body) <= MAX_BYTES
    assert len(returned.get("errors", [])) <= 20
    if count:
        assert returned["errors_total"] == count
    if count == 1:
        assert len(returned["errors"]) == 1


def test_every_problem_has_its_own_words() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Problem)]
    assert len(kinds) > 15
    for kind in kinds:
        assert 400 <= kind.status < 600
        assert kind.code
        assert kind.title
    assert len({kind.code for kind in kinds}) == len(kinds)


async def test_half_an_answer_ends_as_a_broken_connection() -> None:
    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise OSError

    with pytest.raises(OSError, match=r"^$"):
        await _call(RequestMiddleware(breaks, log=Lines(), observe=lambda *seen: None))


async def test_caller_that_disconnects_before_the_response_is_counted_as_gone() -> None:
    seen: list[tuple[Any, ...]] = []

    async def silent(scope: Any, receive: Any, send: Any) -> None: ...

    await _call(RequestMiddleware(silent, log=Lines(), observe=lambda *each: seen.append(each[:3])))
    assert seen == [("unmatched", "GET", CLIENT_GONE)]


async def _call(app: RequestMiddleware) -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None: ...

    await app({"type": "http", "method": "GET", "path": "/", "headers": []}, receive, send)
