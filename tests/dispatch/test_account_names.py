"""The account of a lead by the name of its company, and where names and domains disagree."""

from typing import Any

import pytest

from app.audit.verify import verify
from tests.support.workspace import Workspace

PLAN = """
queues: {doubt: {}, desk: {}}
pipeline:
  - rule: {name: doubt, when: {review: true}, then: {queue: doubt}}
  - account: {}
  - queue: {name: desk}
"""


def plan(**settings: Any) -> str:
    written = ", ".join(f"{key}: {str(value).lower()}" for key, value in settings.items())
    return f"accounts: {{{written}}}\n{PLAN}"


async def put(workspace: Workspace, id_: str, **body: Any) -> None:
    answer = await workspace.client.put(f"/accounts/{id_}", json={"owner": "ana", **body})
    assert answer.status_code in {200, 201}, answer.text


def account_of(answer: dict[str, Any]) -> str | None:
    return answer["account"]["id"] if answer["account"] else None


def codes(answer: dict[str, Any]) -> dict[str, str]:
    return {each["account"]: each["code"] for each in answer["trace"]["account"]["candidates"]}


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ("ООО Берёзка", "Берёзка, ООО"),
        ("SIA Jūras Vējš", "Juras Vejs SIA"),
        ("UAB Gintaras", '"Gintaras" UAB'),
        ("PT Sumber Baru Tbk", "Sumber Baru"),
        ("S.C. Carpati S.R.L.", "Carpati"),
        ("شركة الواحة", "الواحة"),
        ("株式会社白山物産", "白山物産(株)"),
        ("주식회사 나래", "나래(주)"),
        ("Bäcker Höfle GmbH & Co. KG", "Baecker Hoefle"),
        ("Spółka Jutro Sp. z o.o.", "JUTRO SP.Z O.O."),
        ("K.L.M. Company", "KLM Co"),
        ("K.L.M. Company", "K-L-M Company"),
        ("K.L.M. Company", "K L M"),
        ("SA Fontaine", "Fontaine SA"),
        ("Procter & Sons", "Procter and Sons Ltd."),
    ],
)
async def test_legal_forms_and_spelling_do_not_hide_an_account(
    workspace: Workspace, stored: str, sent: str
) -> None:
    await workspace.publish(PLAN)
    await put(workspace, "one", name=stored)
    answer = await workspace.assign(email="a@gmail.com", company=sent)
    assert (account_of(answer), answer["account"]["matched_by"]) == ("one", "name")
    assert answer["owner"]["id"] == "ana"
    (candidate,) = answer["trace"]["account"]["candidates"]
    assert candidate["parts"]["name"] >= 0.85
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ("ООО Берёзка", "ООО Рябина"),
        ("SIA Vilnis", "SIA Krasta"),
        ("PT Sumber Baru Tbk", "PT Sinar"),
        ("株式会社白山物産", "株式会社白川商店"),
        ("شركة الواحة", "شركة النسيم"),
        ("Müller GmbH & Co. KG", "Schulz GmbH & Co. KG"),
        ("Industriebau Nord", "IBN"),
        ("Quarry Oil", "Quarry Petroleum"),
    ],
)
async def test_shared_legal_form_or_word_makes_no_match(workspace: Workspace, stored: str, sent: str) -> None:
    await workspace.publish(PLAN)
    await put(workspace, "one", name=stored)
    assert account_of(await workspace.assign(email="a@gmail.com", company=sent)) is None


async def test_part_of_a_name_leaves_a_doubt(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    await put(workspace, "one", name="SA Fontaine", domains=["sa-fontaine.example"])
    answer = await workspace.assign(email="a@gmail.com", company="Fontaine")
    assert (account_of(answer), answer["review"], answer["queue"]) == (None, True, "doubt")
    assert codes(answer) == {"one": "below_threshold"}


async def test_acronym_matches_by_an_alias_only(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    await put(workspace, "one", name="Industriebau Nord")
    assert account_of(await workspace.assign(email="a@gmail.com", company="IBN")) is None
    await put(workspace, "one", name="Industriebau Nord", aliases=["IBN"])
    assert account_of(await workspace.assign(email="b@gmail.com", company="I.B.N.")) == "one"


SUBSIDIARIES = {
    "group": {"name": "Krone SE", "owner": "ben"},
    "north": {"name": "Krone Nord GmbH", "city": "Kiel", "parent": "group"},
    "south": {"name": "Krone Süd GmbH", "city": "Ulm", "parent": "group"},
    "it": {"name": "Krone IT GmbH", "parent": "group"},
}


@pytest.mark.parametrize("order", [["group", "north", "south", "it"], ["it", "south", "north", "group"]])
async def test_name_and_place_decide_between_accounts_of_one_domain(
    workspace: Workspace, order: list[str]
) -> None:
    await workspace.publish(PLAN)
    for id_ in order:
        await put(workspace, id_, domains=["krone.example"], **SUBSIDIARIES[id_])
    named = await workspace.assign(email="a@krone.example", company="Krone Nord")
    placed = await workspace.assign(email="b@krone.example", city="Ulm")
    whole = await workspace.assign(email="c@krone.example", company="Krone")
    silent = await workspace.assign(email="d@krone.example")
    assert [account_of(each) for each in (named, placed, whole)] == ["north", "south", "group"]
    assert (account_of(silent), silent["review"]) == (None, True)
    assert codes(silent) == dict.fromkeys(sorted(order), "equal_score")
    assert "city" in placed["trace"]["account"]["candidates"][0]["parts"]
    await workspace.publish(plan(prefer="parent"))
    preferred = await workspace.assign(email="e@krone.example")
    assert (account_of(preferred), preferred["trace"]["account"]["rule"]) == ("group", "prefer_parent")
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def agency_and_client(workspace: Workspace, **more: Any) -> None:
    await put(workspace, "agency", name="Agentur Lila", domains=["lila.example"], **more)
    await put(workspace, "client", name="Mandant AG", domains=["mandant.example"], owner="ben")


async def test_domain_and_name_that_disagree_leave_a_doubt(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    await agency_and_client(workspace)
    theirs = await workspace.assign(email="t@lila.example", company="Mandant AG")
    guest = await workspace.assign(email="g@mandant.example", company="Beratung Rot")
    assert [account_of(theirs), account_of(guest), theirs["review"], guest["review"]] == [
        None,
        None,
        True,
        True,
    ]
    assert codes(theirs) == {"agency": "conflict", "client": "conflict"}
    parts = {each["account"]: each["parts"] for each in theirs["trace"]["account"]["candidates"]}
    assert parts == {"agency": {"name": 0.0, "domain": 1.0}, "client": {"name": 1.0, "domain": -0.05}}


@pytest.mark.parametrize(
    ("says", "theirs", "guests"), [("domain", "agency", "client"), ("name", "client", None)]
)
async def test_plan_says_which_of_domain_and_name_counts(
    workspace: Workspace, says: str, theirs: str, guests: str | None
) -> None:
    await workspace.publish(plan(conflict=says))
    await agency_and_client(workspace)
    one = await workspace.assign(email="t@lila.example", company="Mandant AG")
    other = await workspace.assign(email="g@mandant.example", company="Beratung Rot")
    assert (account_of(one), account_of(other)) == (theirs, guests)
    assert one["trace"]["account"]["rule"] == f"conflict_{says}"
    assert ("review" in one, "review" in other) == (False, False)


async def test_people_of_an_agency_belong_to_the_company_they_name(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    await agency_and_client(workspace, agency=True)
    named = await workspace.assign(email="t@lila.example", company="Mandant AG")
    own = await workspace.assign(email="u@lila.example", company="Agentur Lila")
    other = await workspace.assign(email="v@lila.example", company="Niemand Ltd")
    assert [account_of(each) for each in (named, own, other)] == ["client", "agency", None]
    assert named["trace"]["account"]["rule"] == "agency"


async def test_domain_named_like_the_company_is_no_contradiction(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    await put(workspace, "one", name="Alphabet Works", domains=["searchy.example"])
    answer = await workspace.assign(email="a@searchy.example", company="Searchy LLC")
    assert account_of(answer) == "one"


async def test_domain_only_looks_up_no_names(workspace: Workspace) -> None:
    await workspace.publish(plan(domain_only=True))
    await agency_and_client(workspace)
    assert account_of(await workspace.assign(email="a@gmail.com", company="Mandant AG")) is None
    assert account_of(await workspace.assign(email="g@mandant.example", company="Beratung Rot")) == "client"


async def test_successor_stands_for_an_account(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    await put(workspace, "new", name="Nova Corp", owner="eve", parent="top")
    await put(workspace, "top", name="Top")
    await put(workspace, "old", name="Vetus Ltd", domains=["vetus.example"], successor="new")
    by_domain = await workspace.assign(email="a@vetus.example")
    by_name = await workspace.assign(email="a@gmail.com", company="Vetus")
    assert [account_of(each) for each in (by_domain, by_name)] == ["new", "new"]
    assert [each["owner"]["id"] for each in (by_domain, by_name)] == ["eve", "eve"]
    assert codes(by_domain) == {"old": "succeeded", "new": "chosen"}


async def test_successor_loops_are_refused(workspace: Workspace) -> None:
    await put(workspace, "a", successor="b")
    await put(workspace, "b", successor="c")
    refused = await workspace.client.put("/accounts/c", json={"successor": "a"})
    assert refused.status_code == 422
    assert [(each["path"], each["code"]) for each in refused.json()["errors"]] == [
        ("successor", "successor_cycle")
    ]
    own = await workspace.client.put("/accounts/d", json={"successor": "d"})
    assert own.status_code == 422
    lines = b'{"id": "x", "successor": "y"}\n{"id": "y", "successor": "x"}\n'
    headers = {"content-type": "application/x-ndjson"}
    bulk = (await workspace.client.post("/accounts/bulk", content=lines, headers=headers)).json()
    assert (bulk["created"], [each["line"] for each in bulk["errors"]]) == (1, [2])


async def test_lead_matched_by_name_keeps_its_account_when_it_is_decided_again(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    await put(workspace, "one", name="Mandant AG", owner="ben")
    first = await workspace.assign(email="a@gmail.com", company="Mandant")
    again = await workspace.client.post("/reassign", json={"lead_id": first["lead_id"]})
    back = await workspace.assign(email="a@gmail.com", phone="+49 30 901820")
    assert [account_of(each) for each in (first, again.json(), back)] == ["one", "one", "one"]
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_batch_and_dry_run_find_the_same_accounts(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    for number in range(20):
        await put(workspace, f"a{number}", name=f"Firma Werk{number}berg", domains=[f"w{number}.example"])
    leads = [
        {"lead": {"email": f"p{number}@x{number}.example", "company": f"Werk{number}berg Firma AG"}}
        for number in range(20)
    ]
    dry = [
        (await workspace.client.post("/assign", json={**each, "dry_run": True})).json() for each in leads[:3]
    ]
    batch = (await workspace.client.post("/assign/batch", json={"items": leads})).json()["items"]
    found = [account_of(each["decision"]) for each in batch]
    assert found == [f"a{number}" for number in range(20)]
    assert [account_of(each) for each in dry] == found[:3]


@pytest.mark.alone
async def test_account_that_changes_its_name_before_the_lock_is_told(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    await put(workspace, "one", name="Mandant AG")
    await put(workspace, "two", name="Mandant GmbH")
    dispatch = workspace.app.state.dispatch
    preparer = dispatch._preparers[-1]
    prepare = preparer.prepare

    async def then_edit(jobs: Any, of: Any) -> None:
        await prepare(jobs, of)
        await put(workspace, "one", name="Klient AG")
        await workspace.client.delete("/accounts/two")

    preparer.prepare = then_edit
    answer = await workspace.assign(email="a@gmail.com", company="Mandant")
    assert account_of(answer) is None
    assert codes(answer) == {"one": "changed", "two": "gone"}


@pytest.mark.alone
async def test_accounts_stored_before_there_were_names_get_them(workspace: Workspace) -> None:
    from app.directory.account_names import name_slice

    await workspace.publish(PLAN)
    await put(workspace, "one", name="Mandant AG")
    await workspace.pool.execute("DELETE FROM account_names")
    await workspace.fetch("INSERT INTO account_name_backfills VALUES ($1, '')")
    assert (await workspace.agenda()).account_names
    assert account_of(await workspace.assign(email="a@gmail.com", company="Mandant")) is None
    assert not await name_slice(workspace.pool, workspace.workspace_id)
    assert account_of(await workspace.assign(email="b@gmail.com", company="Mandant")) == "one"
    assert not (await workspace.agenda()).account_names


async def test_a_misspelled_name_of_one_word_finds_its_account_or_leaves_a_doubt(
    workspace: Workspace,
) -> None:
    await workspace.publish(PLAN)
    await put(workspace, "long", name="Kestrelon Inc.")
    await put(workspace, "short", name="Kedron AG", phone="+4930901820")
    assert account_of(await workspace.assign(email="a@gmail.com", company="Kestrleon")) == "long"
    answer = await workspace.assign(email="b@gmail.com", company="Kedren")
    assert account_of(answer) is None
    assert answer["review"]
    told = await workspace.assign(email="c@gmail.com", company="Kedren", phone="+4930901820")
    assert account_of(told) == "short"


async def test_first_lead_of_a_new_plan_is_decided_without_what_the_one_before_wanted(
    workspace: Workspace,
) -> None:
    await put(workspace, "one", name="Schilfrohr Werke")
    found = []
    for number, domain_only in enumerate((False, True, False, True)):
        await workspace.publish(plan(domain_only=domain_only))
        answers = [
            await workspace.assign(email=f"a{number}{each}@gmail.com", company="Schilfrohr Werke")
            for each in range(2)
        ]
        found.append([account_of(each) for each in answers])
    assert found == [["one", "one"], [None, None]] * 2
    known = await workspace.assign(email="a00@gmail.com", company="Schilfrohr Werke", city="Ulm")
    assert (known["existing_lead"] is not None, account_of(known)) == (True, None)
    assert (await verify(workspace.pool, workspace.workspace_id)).clean
