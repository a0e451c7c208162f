"""Which account a lead belongs to: keys in their order, one of several, free mail, and those above."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.explain.codes import MATCHES
from app.engine.model.accounts import (
    Account,
    AccountKey,
    AccountMatch,
    Accounts,
    MatchSettings,
    account_from,
    parents_of,
    successor_of,
)
from app.intake.account_match import match_account
from app.intake.accounts import keys_of_account, keys_of_lead
from app.intake.arrival import normalize
from app.intake.domains import registrable

CRM = AccountKey("crm", "0011", "crm")
MAIL = AccountKey("domain", "acme.example", "email_domain")
FREE = AccountKey("domain", "gmail.com", "email_domain", free_email_domain=True)
SITE = AccountKey("domain", "acme.test", "website_domain")


def account(id_: str, **body: Any) -> Account:
    return account_from(id_, body)


Found = list[tuple[AccountKey, list[Account]]]


def matched(found: Found, **lead: Any) -> AccountMatch | None:
    """The account of a lead for which its keys find these accounts."""
    of_key: dict[tuple[str, str], list[Account]] = {
        (key.kind, key.value): accounts for key, accounts in found
    }
    return match_account(lead, [key for key, _ in found], Accounts(of_key), MatchSettings())


def codes(match: AccountMatch | None) -> list[tuple[str, str]]:
    assert match is not None
    return [(each["account"], each["code"]) for each in match.candidates]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"email": "a@Mail.Acme.Example"}, [MAIL]),
        ({"email": "a@gmail.com", "website": "https://www.acme.test/x"}, [FREE, SITE]),
        ({"email": "a@acme.example", "website": "acme.example"}, [MAIL]),
        ({"email": "a@x.acme.example", "crm": {"account_id": "0011"}}, [CRM, MAIL]),
        ({"email": "not an address", "website": "nowhere"}, []),
        ({"email": "a@[192.0.2.1]"}, []),
        ({"phone": "+49 30 1234567"}, []),
    ],
)
def test_keys_of_a_lead_come_from_its_crm_id_and_domains(
    sent: dict[str, Any], expected: list[AccountKey]
) -> None:
    assert list(keys_of_lead(normalize(sent).values)) == expected


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("stock.walmart.com", "walmart.com"),
        ("shop.acme.co.uk", "acme.co.uk"),
        ("co.uk", "co.uk"),
        ("ana.github.io", "ana.github.io"),
        ("www.xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("a.b.acme.example", "acme.example"),
        ("192.0.2.1", None),
        ("localhost", None),
        ("", None),
    ],
)
def test_a_host_name_is_reduced_to_its_registrable_domain(host: str, domain: str | None) -> None:
    assert registrable(host) == domain


def test_the_first_key_that_has_an_account_decides() -> None:
    a, b, c = account("a"), account("b"), account("c")
    match = matched([(CRM, []), (MAIL, [b]), (SITE, [a, b, c])])
    assert match is not None
    assert (match.account, match.matched_by) == (b, "email_domain")
    assert codes(match) == [
        ("b", "chosen"),
        ("a", "lower_priority_key"),
        ("b", "lower_priority_key"),
        ("c", "lower_priority_key"),
    ]


def test_an_account_with_an_owner_ranks_before_one_without() -> None:
    found = [account("a"), account("z", roles={"sdr": "ben"}), account("c", owner="ana")]
    match = matched([(MAIL, found)])
    assert codes(match) == [("a", "lower_ranked"), ("c", "equal_score"), ("z", "equal_score")]
    match = matched([(MAIL, found[::2])])
    assert codes(match) == [("c", "chosen"), ("a", "lower_ranked")]
    assert match is not None
    assert match.rule == "owner"


def test_free_email_domain_finds_only_named_accounts() -> None:
    plain, named = account("a", owner="ana"), account("b", tier="Named")
    assert codes(matched([(FREE, [plain, named])])) == [("a", "free_email_domain"), ("b", "chosen")]
    nobody = matched([(FREE, [plain])])
    assert nobody is not None
    assert (nobody.account, nobody.matched_by) == (None, None)
    assert matched([(FREE, [])]) is None


def test_a_cycle_of_parents_ends() -> None:
    line = [account(f"a{at}", parent=f"a{(at + 1) % 5}") for at in range(5)]
    assert [each.id for each in parents_of(line[0], {each.id: each for each in line})] == [
        "a1",
        "a2",
        "a3",
        "a4",
    ]
    long = [account(f"a{at}", parent=f"a{at + 1}") for at in range(20)]
    assert len(parents_of(long[0], {each.id: each for each in long})) == 8
    assert parents_of(account("b", parent="gone"), {}) == ()


BODIES = st.fixed_dictionaries(
    {
        "domains": st.lists(st.sampled_from(["acme.example", "www.acme.example", "gmail.com"]), max_size=3),
        "tier": st.sampled_from([None, "named", "smb"]),
        "owner": st.sampled_from([None, "ana"]),
        "crm": st.dictionaries(st.just("salesforce"), st.sampled_from(["0011", "0012"])),
    }
)
SENT = st.fixed_dictionaries(
    {},
    optional={
        "email": st.sampled_from(["a@acme.example", "a@gmail.com", "a@nobody.example"]),
        "website": st.sampled_from(["acme.example", "other.example"]),
        "crm": st.fixed_dictionaries({"account_id": st.sampled_from(["0011", "0013"])}),
    },
)


@given(st.lists(BODIES, max_size=6), SENT, st.randoms())
def test_one_lead_always_has_one_account(
    bodies: list[dict[str, Any]], sent: dict[str, Any], random: Any
) -> None:
    """The result does not depend on the order of the accounts."""
    records = [(f"a{at}", body) for at, body in enumerate(bodies)]
    keys = keys_of_lead(normalize(sent).values)

    def match(shuffled: list[tuple[str, dict[str, Any]]]) -> AccountMatch | None:
        found = []
        for key in keys:
            of_key = [
                account_from(id_, body)
                for id_, body in shuffled
                if (key.kind, key.value) in {(each.kind, each.value) for each in keys_of_account(id_, body)}
            ]
            found.append((key, of_key))
        return matched(found)

    first = match(records)
    random.shuffle(records)
    again = match(records)
    assert (first is None) == (again is None)
    if first is not None and again is not None:
        assert (again.account, again.review, again.rule) == (first.account, first.review, first.rule)
        assert sorted(codes(again)) == sorted(codes(first))
        assert {code for _, code in codes(first)} <= MATCHES.keys()
        assert (first.account is None) == (
            first.review or not any(code == "chosen" for _, code in codes(first))
        )


def test_chain_of_successors_ends() -> None:
    line = {f"a{at}": account(f"a{at}", successor=f"a{at + 1}") for at in range(3)} | {"a3": account("a3")}
    assert successor_of(line["a0"], line).id == "a3"
    loop = {"a": account("a", successor="b"), "b": account("b", successor="a")}
    assert successor_of(loop["a"], loop).id == "b"
    assert successor_of(account("c", successor="gone"), {}).id == "c"
