"""Owners by the ids that they have in a CRM."""

from tests.support.decisions import facts


def test_owners_are_found_by_crm_id_in_either_form_once_each() -> None:
    long, short = "005Dn000007RBGCIA4", "005Dn000007RBGC"
    directory = facts({
        "ana": {"crm": {"salesforce": long, "sandbox": short}},
        "ben": {"crm": {"hubspot": "77"}},
        "cem": {"crm": {"hubspot": "77"}},
    }).directory  # fmt: skip
    found = {key: [owner.id for owner in owners] for key, owners in directory.owners_by_crm_id.items()}
    assert found == {short: ["ana"], "77": ["ben", "cem"]}
