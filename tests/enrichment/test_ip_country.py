"""`ip_country`: the country of the visitor's address, from a file."""

from pathlib import Path
from typing import Any

import pytest

from app.enrichment.paths import value_at
from app.enrichment.provider import AccessDenied, Provider, ProviderConfig, Tools
from app.enrichment.providers.ip_country import IpCountryProvider
from app.outbox.safe_http import SafeHttp
from tests.support.mmdb import country_file
from tests.support.workspace import Filled, Workspace, open_filled

pytestmark = pytest.mark.alone

pytest.importorskip("maxminddb", reason="the extra `ip_country` is not installed")

NETWORKS = {
    "203.0.113.0/24": "AT",
    "198.51.100.0/25": "FR",
    "192.0.2.0/24": None,
    "2001:db8:1::/48": "JP",
    "10.0.0.0/8": "US",
}
PLAN = """
queues: {desk: {}, alps: {}}
pipeline:
  - rule: {name: alps, when: {country: AT}, then: {queue: alps}}
  - queue: {name: desk}
enrichment: {deadline: 5s, providers: [{provider: ip_country, timeout: 5s}]}
"""
TOOLS = Tools(SafeHttp(), {})


LEADS: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"ip": "203.0.113.9"}, "AT", "ip_country"),
    ({"ip": " 198.51.100.1 "}, "FR", "ip_country"),
    ({"ip": "2001:db8:1:2::3"}, "JP", "ip_country"),
    ({"ip": "::ffff:203.0.113.9"}, "AT", "ip_country"),
    ({"attributes": {"ip": "203.0.113.9"}}, "AT", "ip_country"),
    ({"ip": "203.0.113.9, 10.0.0.1"}, "AT", "ip_country"),
    ({"ip": "203.0.113.9", "country": "DE"}, "DE", None),
    # The file does not have it, knows no country of it, or it can be no visitor's.
    ({"ip": "198.51.100.200"}, None, None),
    ({"ip": "192.0.2.1"}, None, None),
    ({"ip": "2001:db8:2::1"}, None, None),
    ({"ip": "10.1.2.3"}, None, None),
    ({"ip": "10.0.0.1, 203.0.113.9"}, None, None),
    ({"ip": "no address"}, None, None),
    ({}, None, None),
]
"""What is sent, the country of the lead then, and who filled it."""


async def asked(provider: Provider, ip: str) -> Any:
    """What the provider answers, or the code with which it denies."""
    try:
        return await provider.fetch({"ip": ip}, ProviderConfig(), TOOLS)
    except AccessDenied as denied:
        return denied.code


async def test_address_gives_the_country_that_a_lead_lacks(
    filled: Filled, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "countries.mmdb"
    path.write_bytes(country_file(NETWORKS))
    async with open_filled(filled, ip_country_database=str(path)) as workspace:
        await workspace.publish(PLAN)
        for number, (sent, country, origin) in enumerate(LEADS):
            answer = await workspace.assign(email=f"p{number}@firm{number}.example", **sent)
            said = answer["normalized"]
            assert (said.get("country"), said.get("origins", {}).get("country")) == (country, origin), sent
            assert (answer["queue"] == "alps", answer["degraded"]) == (country == "AT", []), sent
            assert "203.0.113.9" not in str(answer["trace"])
        called = await workspace.assign(email="c@firm.example", ip="203.0.113.9", phone="+49 89 1234567")
        said = called["normalized"]
        assert (said["geo_conflict"], said["geo_conflict_parts"]) == (True, ["phone"])
        assert await workspace.fetch("SELECT FROM enrichment_answers WHERE workspace_id = $1") == []
    output = capsys.readouterr()
    assert "203.0.113." not in output.out + output.err


async def test_without_a_file_the_lead_is_decided_and_the_provider_named(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    answer = await workspace.assign(email="a@firm.example", ip="203.0.113.9")
    assert (answer["queue"], answer["degraded_codes"]) == ("desk", {"ip_country": "database_missing"})


async def test_file_is_read_again_when_another_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "countries.mmdb"
    provider = IpCountryProvider(str(path))
    steps: list[tuple[bytes | None, str | None]] = [
        (None, "database_missing"),
        (b"", "database_unreadable"),
        (b"no database", "database_unreadable"),
        (country_file({"203.0.113.0/24": "AT"}), "AT"),
        (country_file({"203.0.113.0/24": "CH"}, version=4), "CH"),
        # The last good one goes on.
        (country_file(NETWORKS)[:60], "CH"),
        (None, "CH"),
    ]
    for content, expected in steps:
        path.unlink(missing_ok=True)
        if content is not None:
            path.with_suffix(".new").write_bytes(content)
            path.with_suffix(".new").replace(path)
        found = await asked(provider, "203.0.113.9")
        assert (value_at(found, "country.iso_code") or found) == expected
    assert await asked(provider, "2001:db8:1::1") is None
