"""Where a lead came from: tags, click ids, referrers, and what counts when they disagree."""

from typing import Any

import pytest

from app.contract.requests import LeadInput
from app.engine.model.attribution_rules import AttributionRules
from app.intake.arrival import normalize, with_rules
from app.intake.merging import merged

PAGE = "https://www.firma.example/angebot?"


def origin(**sent: Any) -> dict[str, Any]:
    lead = LeadInput.model_validate({"company": "Firma", **sent}).model_dump(exclude_none=True)
    found: dict[str, Any] = normalize(lead).values.get("attribution", {})
    return found


@pytest.mark.parametrize(
    ("source", "medium", "channel"),
    [
        (" Google", "CPC ", "Paid Search"),
        ("adwords", None, "Paid Search"),
        ("google.de", "organic", "Organic Search"),
        ("Instagram", "cpm", "Paid Social"),
        ("yahoo", "cpm", "Paid Search"),
        ("stadtportal", "cpm", "Display"),
        ("stadtportal", "cpc", "Paid Other"),
        ("vimeo.com", "ppc", "Paid Video"),
        ("ebay.com", "cpc", "Paid Shopping"),
        ("sms", "interstitial", "Display"),
        ("sms", None, "SMS"),
        ("crm", "E mail", "Email"),
        ("crm", "e_mail", "Email"),
        ("crm", "unpaid", "Unassigned"),
        ("crm", "web-push", "Mobile Push Notifications"),
        ("partner", "affiliate", "Affiliates"),
        ("podcast", "audio", "Audio"),
        ("(direct)", "(none)", "Direct"),
        ("perplexity.ai", None, "AI Assistants"),
        ("{{site}}", "{{medium}}", None),
        ("ecosia", "paid-search", "Paid Search"),
        ("Instagram_Stories", "paid_social", "Paid Social"),
        ("Facebook_Mobile_Feed", None, "Organic Social"),
        ("reddit ads", None, "Paid Social"),
        ("fb_ad", "cpc", "Paid Social"),
        ("house_ads", None, "Unassigned"),
        ("gmb", "organic", "Organic Search"),
    ],
)
def test_tags_become_a_channel(source: str, medium: str | None, channel: str | None) -> None:
    assert origin(utm_source=source, utm_medium=medium).get("channel") == channel


@pytest.mark.parametrize(
    ("sent", "channel", "by"),
    [
        ({"landing_page": f"{PAGE}fbclid=a", "referrer": "https://lm.facebook.com/l.php"}, "Organic Social",
         "click_id"),
        ({"gbraid": "a"}, "Paid Search", "click_id"),
        ({"click_ids": {"GCLID": "a"}}, "Paid Search", "click_id"),
        ({"attributes": {"msclkid": "a"}}, "Paid Search", "click_id"),
        ({"utm": {"gclid": "a"}}, "Paid Search", "click_id"),
        ({"landing_page": f"{PAGE}utm_source=google&amp;utm_medium=cpc"}, "Paid Search", "utm"),
        ({"utm_source": "google", "gclid": "a"}, "Paid Search", "utm"),
        ({"utm": {"utm_source": "brief", "utm_medium": "email"}, "gclid": "a"}, "Email", "utm"),
        ({"utm_source": "instagram", "utm_medium": "paid", "fbclid": "a"}, "Paid Social", "utm"),
        ({"ttclid": "a"}, "Organic Social", "click_id"),
        ({"referrer": "https://www.google.fr/"}, "Organic Search", "referrer"),
        ({"referrer": "https://mail.google.com/"}, "Referral", "referrer"),
        ({"referrer": "https://claude.ai/chat/1"}, "AI Assistants", "referrer"),
        ({"referrer": "https://t.co/x"}, "Organic Social", "referrer"),
        ({"referrer": "https://blog.example/"}, "Referral", "referrer"),
        ({"landing_page": PAGE}, "Direct", "landing_page"),
        ({"landing_page": PAGE, "referrer": "https://shop.firma.example/"}, "Direct", "landing_page"),
        ({"landing_page": PAGE, "referrer": "https://www.paypal.com/pay"}, "Direct", "landing_page"),
        ({"referrer": "https://accounts.google.com/"}, None, None),
        ({"channel": "paid social", "gclid": "a"}, "Paid Social", "channel"),
        ({"channel": "Messe", "gclid": "a"}, "Messe", "channel"),
        ({"source": "messe"}, None, None),
        ({}, None, None),
    ],
)  # fmt: skip
def test_what_says_most_decides(sent: dict[str, Any], channel: str | None, by: str | None) -> None:
    found = origin(**sent)
    assert (found.get("channel"), found.get("by")) == (channel, by)


@pytest.mark.parametrize(
    ("sent", "conflicts"),
    [
        ({"utm_source": "brief", "utm_medium": "email", "gclid": "a"}, ["click_id"]),
        ({"utm_source": "google", "utm_medium": "cpc", "gclid": "a"}, []),
        ({"utm_source": "facebook", "utm_medium": "paid", "fbclid": "a"}, []),
        ({"utm_source": "brief", "utm_medium": "email", "mc_cid": "a"}, []),
        ({"source": "Google", "utm_source": "google.com", "utm_medium": "cpc"}, []),
        ({"source": "Messe", "utm_source": "google", "utm_medium": "cpc"}, ["source"]),
        ({"campaign": "A", "utm_source": "x", "utm_medium": "cpc", "utm_campaign": "B"}, ["campaign"]),
        ({"channel": "Email", "gclid": "a"}, ["channel"]),
        ({"utm_source": "google", "utm_medium": "cpc", "referrer": "https://l.facebook.com/"}, ["referrer"]),
    ],
)
def test_what_disagrees_is_named(sent: dict[str, Any], conflicts: list[str]) -> None:
    assert origin(**sent).get("conflicts", []) == conflicts


def test_only_empty_fields_are_filled() -> None:
    values = normalize(
        {
            "company": "Firma",
            "source": " Messe",
            "landing_page": f"{PAGE}utm_source=Bing&utm_medium=cpc&utm_campaign=Mai",
        }
    ).values
    assert (values["source"], values["channel"], values["campaign"]) == ("Messe", "Paid Search", "Mai")
    assert values["attribution"]["filled"] == ["channel", "campaign"]
    assert values["utm"] == {"source": "Bing", "medium": "cpc", "campaign": "Mai"}


def test_rules_of_the_plan_add_aliases_own_domains_and_proof_of_payment() -> None:
    rules = AttributionRules(
        {"kundenbrief": "newsletter"},
        {"mailing": "email"},
        frozenset(("firma.example",)),
        frozenset(("ttclid",)),
    )
    sent = normalize({"company": "Firma", "utm": {"source": "Kundenbrief", "medium": "Mailing"}})
    assert sent.values["channel"] == "Unassigned"
    told = with_rules(sent, rules).values
    assert (told["source"], told["channel"]) == ("newsletter", "Email")
    assert with_rules(normalize({"click_ids": {"ttclid": "a"}}), rules).values["channel"] == "Paid Social"
    inside = normalize({"referrer": "https://docs.firma.example/", "landing_page": "https://firma.test/"})
    assert inside.values["channel"] == "Referral"
    assert with_rules(inside, rules).values["channel"] == "Direct"


def test_newest_submission_that_says_something_counts() -> None:
    first = normalize({"company": "Firma", "click_ids": {"gclid": "a"}}).values
    quiet = merged(first, normalize({"company": "Firma", "first_name": "Ida"}).values)
    assert (quiet["channel"], quiet["attribution"]["by"]) == ("Paid Search", "click_id")
    later = merged(quiet, normalize({"company": "Firma", "referrer": "https://www.bing.com/"}).values)
    assert (later["source"], later["channel"]) == ("bing", "Organic Search")
    sent = merged(later, normalize({"company": "Firma", "channel": "Messe"}).values)
    assert (sent["channel"], sent["attribution"]["channel"]) == ("Messe", "Messe")
    last = merged(sent, normalize({"company": "Firma", "click_ids": {"gclid": "b"}}).values)
    assert (last["channel"], last["attribution"]["channel"]) == ("Messe", "Paid Search")


def test_a_campaign_that_contradicts_its_tag_is_a_conflict_without_a_tagged_source() -> None:
    assert origin(campaign="spring", utm={"campaign": "autumn"})["conflicts"] == ["campaign"]
    assert "conflicts" not in origin(campaign="Spring", utm={"campaign": "spring"})


def test_path_alone_is_a_landing_page() -> None:
    found = normalize({"company": "ACME", "landing_page": "/demo?ref=1"}).values["attribution"]
    assert (found["channel"], found["by"]) == ("Direct", "landing_page")


def test_two_leads_share_no_part_of_their_origin() -> None:
    sent = {"company": "ACME", "source": "bing", "utm": {"source": "google", "medium": "cpc"}}
    one, other = normalize(sent).values, normalize(sent).values
    one["attribution"]["conflicts"].append("changed")
    one["attribution"]["source"] = "changed"
    assert (other["attribution"]["source"], other["attribution"]["conflicts"]) == ("google", ["source"])
