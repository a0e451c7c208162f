"""Two different people never become one lead, in whatever order they arrive."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.model.lead_keys import LeadKey, MatchRules
from app.intake.arrival import IncomingLead, normalize
from app.intake.lead_keys import stored_keys
from app.intake.matching import ComparedLead, Match, match
from app.intake.merging import merged
from tests.intake.own_fields import own

PHONE = "+49 30 901820"
PERSONS = MatchRules(sources={"people": "person", "web": "submission"})


class Leads:
    """Stored leads, each with all its keys, as arrivals one after another leave them."""

    def __init__(self, rules: MatchRules = PERSONS) -> None:
        self.rules = rules
        self.known: dict[str, ComparedLead] = {}

    def arrive(self, **sent: Any) -> tuple[str, Match]:
        """The lead that this one becomes, and how it was matched."""
        arrival = normalize(sent, "" if sent.pop("file", False) else "key")
        sharing = [each for each in self.known.values() if shared_with(arrival).intersection(each.keys)]
        found = match(ComparedLead("", frozenset(arrival.keys), arrival.values), sharing, self.rules)
        lead_id = found.lead_id or f"lead-{len(self.known)}"
        before = self.known.get(lead_id, ComparedLead(lead_id, frozenset()))
        keys = frozenset((*before.keys, *stored_keys(arrival.keys)))
        self.known[lead_id] = ComparedLead(lead_id, keys, merged(before.values, arrival.values))
        return lead_id, found


def shared_with(arrival: IncomingLead) -> set[LeadKey]:
    sources = ("", "key", "people", "shop", "other", "web")
    return {key._replace(source=source) for key in arrival.look_ups for source in sources}


def told(found: Match) -> list[tuple[str, str, str]]:
    return [(each.lead_id, each.key, each.vetoed_by) for each in found.possible]


ANA = {"first_name": "Ana", "last_name": "Sol"}
BEN = {"first_name": "Ben", "last_name": "Tor"}
MAIL, CRM = {"email": "ana@kunde.example"}, {"crm": {"lead_id": "00Q1"}}


@pytest.mark.parametrize(
    ("first", "second", "matched_by"),
    [
        ({"external_id": "1"}, {"external_id": "1", "email": "new@kunde.example"}, "external_id"),
        ({**CRM, "email": "old@kunde.example"}, {**CRM, "email": "new@kunde.example"}, "crm_lead"),
        ({"external_id": "1", "file": True}, {"external_id": "1", **MAIL}, "external_id"),
        ({"external_id": "1"}, {"external_id": "1", "file": True}, "external_id"),
        (MAIL, {"email": "Ana@Kunde.example"}, "email"),
        ({**MAIL, "external_id": "form-1"}, {**MAIL, "external_id": "form-2"}, "email"),
        ({**MAIL, **ANA}, {**MAIL, "first_name": "Ana", "last_name": "Berg"}, "email"),
        ({"email": "p.otto@gmail.com"}, {"email": "p.otto@googlemail.com"}, "email"),
        ({"phone": PHONE}, {"phone": "0049 30 901820", **MAIL}, "phone"),
        ({"phone": PHONE, **MAIL}, {"phone": PHONE, "last_name": "Kurz"}, "phone"),
        ({"email": "info@praxis.example", **ANA}, {"email": "info@praxis.example"}, "email"),
        ({"email": "info@praxis.example", **ANA}, {"email": "info@praxis.example", **ANA}, "email"),
        ({"crm": {"lead_id": "00QDn000007RBGC"}}, {"crm": {"lead_id": "00QDn000007RBGCMA4"}}, "crm_lead"),
    ],
)
def test_same_person_is_one_lead(first: dict[str, Any], second: dict[str, Any], matched_by: str) -> None:
    leads = Leads()
    lead_id, _ = leads.arrive(**first)
    again, found = leads.arrive(**second)
    assert (again, found.matched_by, told(found)) == (lead_id, matched_by, [])


SOURCE = {"external_id_source": "people"}


@pytest.mark.parametrize(
    ("first", "second", "key", "vetoed_by"),
    [
        ({"phone": PHONE, **MAIL}, {"phone": PHONE, "email": "c@kunde.example"}, "phone", "email"),
        ({"phone": PHONE, **CRM}, {"phone": PHONE, "crm": {"lead_id": "00Q2"}}, "phone", "crm_lead"),
        ({"phone": PHONE, **ANA}, {"phone": PHONE, **BEN}, "phone", "name"),
        ({**MAIL, **CRM}, {**MAIL, "crm": {"lead_id": "00Q2"}}, "email", "crm_lead"),
        (
            {**MAIL, **SOURCE, "external_id": "1"},
            {**MAIL, **SOURCE, "external_id": "2"},
            "email",
            "external_id",
        ),
        ({"email": "info@praxis.example", **ANA}, {"email": "info@praxis.example", **BEN}, "email", "name"),
        (
            {"external_id": "1", "file": True, **MAIL},
            {"external_id": "1", "email": "c@kunde.example"},
            "external_id",
            "email",
        ),
        ({"email": "p.otto@gmail.com"}, {"email": "potto@gmail.com"}, "email_alias", "email"),
        ({"email": "p.otto@gmail.com"}, {"email": "p.otto+messe@gmail.com"}, "email_alias", "email"),
        ({"email": "ana+messe@kunde.example"}, MAIL, "email_alias", "email"),
        (
            {**CRM, **SOURCE, "external_id": "1"},
            {**CRM, **SOURCE, "external_id": "2"},
            "crm_lead",
            "external_id",
        ),
    ],
)
def test_different_people_are_two_leads_and_the_veto_is_told(
    first: dict[str, Any], second: dict[str, Any], key: str, vetoed_by: str
) -> None:
    leads = Leads()
    lead_id, _ = leads.arrive(**first)
    other, found = leads.arrive(**second)
    assert other != lead_id
    assert told(found) == [(lead_id, key, vetoed_by)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"email": "p.otto@firma.example"}, {"email": "potto@firma.example"}),
        ({"external_id": "1"}, {"external_id": "1", "external_id_source": "other"}),
        (
            {"external_id": "1", "external_id_source": "web"},
            {"external_id": "1", "external_id_source": "web"},
        ),
        ({"phone": "+1 212 555 0123"}, {"phone": "+1 212 555 0123"}),
        ({"crm": {"lead_id": "00QDn000007RBGC"}}, {"crm": {"lead_id": "00QDN000007RBGC"}}),
    ],
)
def test_leads_without_a_common_key_have_nothing_to_do_with_each_other(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    leads = Leads()
    lead_id, _ = leads.arrive(**first)
    other, found = leads.arrive(**second)
    assert (other != lead_id, told(found)) == (True, [])


def test_shared_mailbox_keeps_its_people_apart() -> None:
    leads, mailbox = Leads(), {"email": "info@praxis.example"}
    ana, _ = leads.arrive(**mailbox, **ANA)
    ben, _ = leads.arrive(**mailbox, **BEN)
    nameless, found = leads.arrive(**mailbox)
    assert len({ana, ben, nameless}) == 3
    assert told(found) == [(ana, "email", "several_leads"), (ben, "email", "several_leads")]
    assert [leads.arrive(**mailbox, **each)[0] for each in (ANA, BEN, {})] == [ana, ben, nameless]


def test_chosen_keys_alone_join() -> None:
    leads = Leads(MatchRules(("external_id", "crm_lead", "email")))
    first, _ = leads.arrive(phone=PHONE)
    assert leads.arrive(phone=PHONE)[0] != first
    assert told(leads.arrive(phone=PHONE)[1]) == []


A, B, C = (
    {"email": "a@x.example", "phone": PHONE},
    {"first_name": "M.", "last_name": "Kurz", "phone": PHONE},
    {
        "email": "c@x.example",
        "phone": PHONE,
    },
)


@pytest.mark.parametrize("order", list(permutations((A, B, C))))
def test_number_of_a_reception_joins_nobody_with_another_address(order: tuple[dict[str, Any], ...]) -> None:
    leads = Leads()
    became = {id(each): leads.arrive(**each) for each in order}
    (a, _), (b, found), (c, _) = (became[id(each)] for each in (A, B, C))
    assert a != c
    assert (b in {a, c}) is (order[2] is not B)
    if order[2] is B:
        assert {(each, why) for each, _, why in told(found)} == {(a, "several_leads"), (c, "several_leads")}
    again = [[leads.arrive(**each)[0] for each in (A, B, C)] for _ in range(2)]
    assert again[0] == again[1]
    assert (again[0][0], again[0][2]) == (a, c)


people = st.fixed_dictionaries(
    {},
    optional={
        "email": st.sampled_from(["a@x.example", "b@x.example", "info@x.example"]),
        "phone": st.sampled_from([PHONE, "+49 89 230230"]),
        "first_name": st.sampled_from(["Ana", "Ben"]),
        "last_name": st.sampled_from(["Sol", "Tor"]),
    },
)
ids = st.fixed_dictionaries(
    {},
    optional={
        "external_id": st.sampled_from(["1", "2"]),
        "external_id_source": st.sampled_from(["people", "shop"]),
        "crm": st.sampled_from([{"lead_id": "00Q1"}, {"lead_id": "00Q2"}]),
    },
)


@given(st.lists(people, min_size=2, max_size=5), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_leads_with_different_addresses_never_share_a_lead(sent: list[dict[str, Any]], chance: Any) -> None:
    chance.shuffle(sent)
    leads = Leads()
    became = [leads.arrive(**each)[0] for each in sent]
    for one, first in zip(became, sent, strict=True):
        for other, second in zip(became, sent, strict=True):
            if one == other and "email" in first and "email" in second:
                assert first["email"] == second["email"]


@given(st.lists(st.builds(lambda a, b: {**a, **b}, people, ids), min_size=2, max_size=5))
@settings(max_examples=300)
def test_leads_with_different_ids_of_people_never_share_a_lead(sent: list[dict[str, Any]]) -> None:
    leads = Leads()
    for each in sent:
        leads.arrive(**each)
    for known in leads.known.values():
        assert len(known.by_kind.get(("crm_lead", ""), ())) <= 1
        assert len(known.by_kind.get(("external_id", "people"), ())) <= 1


@given(st.builds(lambda a, b: {**a, **b}, people, ids), st.builds(lambda a, b: {**a, **b}, people, ids))
def test_every_field_that_was_sent_is_in_the_lead(first: dict[str, Any], second: dict[str, Any]) -> None:
    fields = merged(normalize(first).values, normalize(second).values)
    for name, value in own(normalize(second).values).items():
        assert name == "flags" or value in (fields[name], fields.get("unreadable", {}).get(name))
    assert fields.keys() >= own(normalize(first).values).keys()
