"""Plain HTML forms: where the visitor is sent, and what a browser may send."""

import pytest

from tests.forms.deliveries import form, leads, post, settled
from tests.support.workspace import Workspace

THANKS, ENGLISH = "https://www.moewe.example/danke", "https://www.moewe.example/en/thanks"
OPTIONS = {
    "redirects": {"thanks": THANKS, "english": ENGLISH},
    "default_redirect": "thanks",
    "honeypot": "fax_number",
}
URLENCODED = {"content_type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("named", "location"),
    [
        ("redirect=english", ENGLISH),
        ("redirect=thanks", THANKS),
        ("", THANKS),
        ("redirect=https://evil.example", THANKS),
        ("redirect=https://www.moewe.example/en/thanks", THANKS),
        ("redirect=//evil.example", THANKS),
        ("redirect=%5C%5Cevil.example", THANKS),
        ("redirect=https://www.moewe.example@evil.example", THANKS),
        ("redirect=english&redirect=thanks", THANKS),
        ("redirect[]=english", THANKS),
        ("redirect=english%0d%0aX-Bad:1", THANKS),
        ("redirect=javascript:alert(1)", THANKS),
    ],
)
async def test_a_form_chooses_among_the_pages_of_the_endpoint_by_name_only(
    workspace: Workspace, named: str, location: str
) -> None:
    path = await form(workspace, "html", options=OPTIONS)
    answer = await post(workspace, path, f"email=runa@moewe.example&{named}".encode(), **URLENCODED)
    assert (answer.status_code, answer.headers["location"]) == (303, location)


async def test_the_visitor_sees_the_same_page_whether_or_not_a_lead_follows(workspace: Workspace) -> None:
    path = await form(workspace, "html", options=OPTIONS)
    good = await post(workspace, path, b"email=runa@moewe.example", **URLENCODED)
    bad = await post(workspace, path, b"colour=blue", **URLENCODED)
    assert (good.status_code, good.content, good.headers["location"]) == (
        bad.status_code, bad.content, bad.headers["location"],
    )  # fmt: skip
    (failure,) = (await workspace.get("/intake/failures"))["items"]
    assert failure["code"] == "no_identity"
    assert bad.headers["x-problem-id"] == failure["id"]


async def test_a_second_press_of_the_button_is_the_same_lead(workspace: Workspace) -> None:
    path = await form(workspace, "html", options=OPTIONS)
    for _ in range(3):
        await post(workspace, path, b"email=runa@moewe.example&note=hello", **URLENCODED)
    await settled(workspace)
    assert len(await leads(workspace)) == 1


async def test_windows_letters_lists_and_labels_in_german_are_read(workspace: Workspace) -> None:
    path = await form(workspace, "html")
    body = b"Vorname=J%F6rg&Nachname=Gr%FC%DFe&E-Mail=joerg@moewe.example&interest=a&interest=b&farbe[]=rot"
    answer = await post(workspace, path, body, **URLENCODED)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    await settled(workspace)
    (lead,) = await leads(workspace)
    fields = lead["fields"]
    assert (fields["first_name"], fields["last_name"]) == ("Jörg", "Grüße")
    assert fields["product_interest"] == ["a", "b"]
    assert fields["attributes"] == {"farbe": ["rot"]}


async def test_files_are_dropped_and_the_lead_is_kept(workspace: Workspace) -> None:
    path = await form(workspace, "html")
    async with workspace.caller(None) as browser:
        answer = await browser.post(
            path,
            data={"email": "runa@moewe.example", "name": "Runa Lindqvist"},
            files={"portfolio": ("work.pdf", b"%PDF" + b"x" * 3_000_000, "application/pdf")},
        )
    assert answer.status_code == 200
    await settled(workspace)
    (lead,) = await leads(workspace)
    assert lead["fields"]["flags"] == ["files_dropped"]
    assert lead["fields"]["last_name"] == "Lindqvist"
    assert (
        await workspace.fetch("SELECT FROM crm_deliveries WHERE workspace_id = $1 AND length(body) > 1000")
        == []
    )


async def test_who_fills_the_trap_is_stored_and_flagged(workspace: Workspace) -> None:
    path = await form(workspace, "html", options=OPTIONS)
    body = b"email=runa@moewe.example&fax_number=https://spam.example"
    assert (await post(workspace, path, body, **URLENCODED)).status_code == 303
    await settled(workspace)
    (lead,) = await leads(workspace)
    assert lead["fields"]["flags"] == ["honeypot_filled"]
    assert "attributes" not in lead["fields"]


@pytest.mark.parametrize(
    "url",
    ["http://www.moewe.example/", "https://user@www.moewe.example/", "//www.moewe.example/", "https://", "x"],
)
async def test_only_plain_https_pages_can_be_listed(workspace: Workspace, url: str) -> None:
    body = {"kind": "html", "options": {"redirects": {"thanks": url}}}
    answer = await workspace.client.put("/endpoints/web", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "options.redirects.thanks"
