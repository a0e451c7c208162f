"""What the service calls: public addresses over HTTPS, and nothing that only it can reach."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import httpx2
import pytest

from app.outbox.safe_http import AddressRefused, AllowedHosts, Answer, SafeHttp, is_public
from tests.support.tls import tls_of

PUBLIC = "93.184.215.14"
NAMES = {
    "hooks.example.com": [PUBLIC],
    "both.example.com": [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
    "inside.example.com": ["10.0.0.5"],
    "near.example.com": ["127.0.0.1"],
    "mixed.example.com": [PUBLIC, "169.254.169.254"],
    "mixed6.example.com": [PUBLIC, "fd00::1"],
    "zone.example.com": ["fe80::1%2"],
    "mapped.example.com": ["::ffff:10.0.0.1"],
    "mapped-public.example.com": [f"::ffff:{PUBLIC}"],
    "nat64.example.com": ["64:ff9b::a00:1"],
    "sixtofour.example.com": ["2002:a00:1::1"],
    "teredo.example.com": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "metadata.google.internal": ["169.254.169.254"],
    "localhost": ["127.0.0.1", "::1"],
    "crm.internal": ["10.1.2.3"],
}
REFUSED = {
    # Schemes.
    "http://hooks.example.com/": "scheme_not_allowed",
    "ftp://hooks.example.com/": "scheme_not_allowed",
    "gopher://hooks.example.com/": "scheme_not_allowed",
    "file:///etc/passwd": "scheme_not_allowed",
    "javascript://hooks.example.com/": "scheme_not_allowed",
    "hooks.example.com/": "invalid_url",
    "//hooks.example.com/": "invalid_url",
    "https:hooks.example.com": "invalid_url",
    "https:///": "invalid_url",
    # What parsers read in two ways.
    "https://user@hooks.example.com/": "userinfo_not_allowed",
    "https://user:pass@hooks.example.com/": "userinfo_not_allowed",
    "https://hooks.example.com@10.0.0.1/": "userinfo_not_allowed",
    "https://hooks.example.com\\@10.0.0.1/": "invalid_url",
    "https://hooks.example.com#@10.0.0.1/": "invalid_url",
    "https://hooks.example.com/#fragment": "invalid_url",
    "https://hooks.example.com:443:80/": "invalid_url",
    "https://hooks.example.com /": "invalid_url",
    " https://hooks.example.com/": "invalid_url",
    "https://hooks.example.com/a b": "invalid_url",
    "https://hooks.example.com/\r\nHost: inside": "invalid_url",
    "https://hooks.example.com/\n": "invalid_url",
    "https://hooks.example.com/\t": "invalid_url",
    "https://hooks.exämple.com/": "invalid_url",
    "https://①②⑦.0.0.1/": "invalid_url",
    "https://hooks%2eexample.com/": "invalid_url",
    "https://-hooks.example.com/": "invalid_url",
    "https://hooks..example.com/": "invalid_url",
    "https://hooks.example.com/" + "a" * 2048: "too_long",
    # Ports.
    "https://hooks.example.com:22/": "port_not_allowed",
    "https://hooks.example.com:80/": "port_not_allowed",
    "https://hooks.example.com:5432/": "port_not_allowed",
    "https://hooks.example.com:0/": "port_not_allowed",
    "https://hooks.example.com:65536/": "port_not_allowed",
    # IPv4, in each way of writing it.
    "https://127.0.0.1/": "address_not_allowed",
    "https://127.1/": "invalid_url",
    "https://2130706433/": "invalid_url",
    "https://0x7f000001/": "invalid_url",
    "https://0x7f.0.0.1/": "invalid_url",
    "https://0177.0.0.1/": "invalid_url",
    "https://127.0.0.1./": "address_not_allowed",
    "https://0.0.0.0/": "address_not_allowed",
    "https://10.0.0.1/": "address_not_allowed",
    "https://172.16.0.1/": "address_not_allowed",
    "https://172.31.255.255/": "address_not_allowed",
    "https://192.168.1.1/": "address_not_allowed",
    "https://100.64.0.1/": "address_not_allowed",
    "https://169.254.169.254/latest/meta-data/": "address_not_allowed",
    "https://192.0.0.192/": "address_not_allowed",
    "https://198.18.0.1/": "address_not_allowed",
    "https://192.88.99.1/": "address_not_allowed",
    "https://224.0.0.1/": "address_not_allowed",
    "https://240.0.0.1/": "address_not_allowed",
    "https://255.255.255.255/": "address_not_allowed",
    # IPv6, and IPv4 inside of it.
    "https://[::1]/": "address_not_allowed",
    "https://[::]/": "address_not_allowed",
    "https://[::ffff:127.0.0.1]/": "address_not_allowed",
    "https://[::ffff:7f00:1]/": "address_not_allowed",
    "https://[::ffff:93.184.215.14]/": "address_not_allowed",
    "https://[::127.0.0.1]/": "address_not_allowed",
    "https://[64:ff9b::7f00:1]/": "address_not_allowed",
    "https://[64:ff9b:1::a00:1]/": "address_not_allowed",
    "https://[2002:7f00:1::]/": "address_not_allowed",
    "https://[2001::1]/": "address_not_allowed",
    "https://[2001:db8::1]/": "address_not_allowed",
    "https://[fc00::1]/": "address_not_allowed",
    "https://[fd12:3456::1]/": "address_not_allowed",
    "https://[fe80::1]/": "address_not_allowed",
    "https://[fe80::1%25eth0]/": "invalid_url",
    "https://[fec0::1]/": "address_not_allowed",
    "https://[ff02::1]/": "address_not_allowed",
    "https://[v1.x]/": "invalid_url",
    # Names that lead to such addresses, at least with one of theirs.
    "https://localhost/": "address_not_allowed",
    "https://LOCALHOST./": "address_not_allowed",
    "https://inside.example.com/": "address_not_allowed",
    "https://near.example.com/": "address_not_allowed",
    "https://mixed.example.com/": "address_not_allowed",
    "https://mixed6.example.com/": "address_not_allowed",
    "https://zone.example.com/": "address_not_allowed",
    "https://mapped.example.com/": "address_not_allowed",
    "https://mapped-public.example.com/": "address_not_allowed",
    "https://nat64.example.com/": "address_not_allowed",
    "https://sixtofour.example.com/": "address_not_allowed",
    "https://teredo.example.com/": "address_not_allowed",
    "https://metadata.google.internal/": "address_not_allowed",
}
ACCEPTED = (
    "https://hooks.example.com/",
    "https://hooks.example.com",
    "https://HOOKS.example.com:8443/a/b?c=d&e=%20f",
    "https://hooks.example.com?a=b",
    "https://hooks.example.com./",
    "https://both.example.com/",
    f"https://{PUBLIC}/",
    "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
    "https://not-known-yet.example.com/",
)


async def resolve(host: str, port: int) -> Sequence[str]:
    """What the name server of these tests answers."""
    if host not in NAMES:
        raise OSError("unknown name")
    return NAMES[host]


@pytest.mark.parametrize(("url", "code"), REFUSED.items())
async def test_refused_url_is_refused_when_it_is_saved_and_when_it_is_called(url: str, code: str) -> None:
    http = SafeHttp(resolve=resolve)
    with pytest.raises(AddressRefused) as saved:
        await http.check(url)
    with pytest.raises(AddressRefused) as called:
        await http.post(url, {}, b"{}")
    assert (saved.value.code, called.value.code) == (code, code)


@pytest.mark.parametrize("url", ACCEPTED)
async def test_public_https_url_is_accepted(url: str) -> None:
    await SafeHttp(resolve=resolve).check(url)


@pytest.mark.parametrize(
    ("allowed", "development", "url", "code"),
    [
        ("crm.internal", False, "https://crm.internal/", None),
        ("crm.internal", False, "https://CRM.internal:9000/", None),
        ("10.1.0.0/16", False, "https://crm.internal/", None),
        ("10.1.2.3", False, "https://10.1.2.3:9000/", None),
        ("10.2.0.0/16", False, "https://crm.internal/", "address_not_allowed"),
        ("internal", False, "https://crm.internal/", "address_not_allowed"),
        ("crm.internal", True, "http://crm.internal/", "scheme_not_allowed"),
        ("127.0.0.1", True, "http://127.0.0.1:9000/", None),
        ("near.example.com", True, "http://near.example.com:9000/", None),
        ("127.0.0.1", False, "http://127.0.0.1:9000/", "scheme_not_allowed"),
        ("", True, "http://127.0.0.1:9000/", "scheme_not_allowed"),
        ("64:ff9b::/96", False, "https://nat64.example.com/", None),
        ("169.254.169.254", False, "https://mixed.example.com/", None),
    ],
)
async def test_operator_allows_names_and_networks(
    allowed: str, development: bool, url: str, code: str | None
) -> None:
    http = SafeHttp(AllowedHosts.parse(allowed, development=development), resolve)
    try:
        await http.check(url)
        found = None
    except AddressRefused as refused:
        found = refused.code
    assert found == code


async def test_answer_of_the_name_server_that_changes_after_the_save_is_refused_at_the_call() -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])

    async def changing(host: str, port: int) -> Sequence[str]:
        return next(answers)

    http = SafeHttp(resolve=changing)
    await http.check("https://rebound.example.com/")
    with pytest.raises(AddressRefused):
        await http.post("https://rebound.example.com/", {}, b"{}")


@pytest.mark.parametrize("text", ["10.0.0.0/33", "a b", "10.0.0.1/8", "https://crm.internal"])
def test_setting_that_is_no_list_of_hosts_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|has host bits"):
        AllowedHosts.parse(text)


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "2a00:1450:4001:82a::200e", "2600::"])
def test_public_address_is_public(text: str) -> None:
    assert is_public(ip_address(text))


class Server:
    """Answers each connection with given bytes, and keeps what it was sent."""

    def __init__(self, answer: bytes, endless: bytes = b"") -> None:
        self.answer, self.endless = answer, endless
        self.requests: list[bytes] = []
        self.sent = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        self.requests.append(head + await reader.readexactly(length))
        try:
            writer.write(self.answer)
            await writer.drain()
            while self.endless:
                writer.write(self.endless)
                self.sent += len(self.endless)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


async def called(server: Server) -> Answer:
    """What `SafeHttp` gets from a server on this machine, which the operator has allowed."""
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        http = SafeHttp(AllowedHosts.parse("hooks.test", development=True), _loopback)
        return await http.post(f"http://hooks.test:{port}/in?a=b", {"X-One": "1"}, b"{}")


async def _loopback(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


async def test_call_goes_to_the_checked_address_with_the_name_of_the_host() -> None:
    server = Server(b"HTTP/1.1 204 No Content\r\n\r\n")
    answer = await called(server)
    assert answer.status == 204
    (request,) = server.requests
    assert request.startswith(b"POST /in?a=b HTTP/1.1\r\n")
    assert b"\r\nHost: hooks.test:" in request
    assert b"\r\nX-One: 1\r\n" in request


async def test_redirect_is_an_answer_and_is_not_followed() -> None:
    server = Server(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n")
    assert (await called(server)).status == 302
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(b"7", 7.0), (b"Wed, 21 Oct 2026 07:28:00 GMT", None), (b"-1", None), (b"1e9", None)],
)
async def test_retry_after_is_read_in_seconds(value: bytes, seconds: float | None) -> None:
    head = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: " + value
    answer = await called(Server(head + b"\r\n\r\n"))
    assert (answer.status, answer.retry_after) == (503, seconds)


async def test_endless_answer_is_not_read_to_its_end() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = Server(head, b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
    assert (await called(server)).status == 200


async def test_tls_proves_the_name_of_the_url_and_not_the_address() -> None:
    own, trusted = tls_of("hooks.test")
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    listening = await asyncio.start_server(server, "127.0.0.1", 0, ssl=own)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        allowed = AllowedHosts.parse("hooks.test, other.test")
        http = SafeHttp(allowed, _loopback, trusted)
        assert (await http.post(f"https://hooks.test:{port}/", {}, b"{}")).status == 200
        with pytest.raises(httpx2.ConnectError):
            await http.post(f"https://other.test:{port}/", {}, b"{}")
        with pytest.raises(httpx2.ConnectError):
            await SafeHttp(allowed, _loopback).post(f"https://hooks.test:{port}/", {}, b"{}")
    assert len(server.requests) == 1


async def test_server_that_does_not_answer_ends_the_call() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        http = SafeHttp(AllowedHosts.parse("hooks.test", development=True), _loopback, timeout_seconds=0.2)
        with pytest.raises(TimeoutError):
            await http.post(f"http://hooks.test:{port}/", {}, b"{}")
