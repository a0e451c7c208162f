"""Which domains belong to one company, and which to strangers."""

import pytest

from app.intake.companies import company_domain, company_key

COMPANIES = {
    "lee@werft.example": "werft.example",
    "lee@sales.werft.example": "werft.example",
    "lee@firma.co.uk": "firma.co.uk",
}
STRANGERS = (
    "lee@gmail.com", "lee@googlemail.com", "lee@privaterelay.appleid.com", "lee@duck.com",
    "lee@mailinator.com", "lee@t-online.de", "lee@comcast.net", "lee@werft.onmicrosoft.com",
    "lee@werft.mail.onmicrosoft.com",
    "lee@werft.github.io", "lee@werft.blogspot.com", "lee@github.io", "lee@10.0.0.1",
)  # fmt: skip
SCHOOLS = (
    "lee@mit.edu", "lee@cs.ox.ac.uk", "lee@uni-kiel.de", "lee@student.uni-kiel.de", "lee@tu-berlin.de",
    "lee@unsw.edu.au", "lee@u-tokyo.ac.jp", "lee@stateuniversity.example", "lee@lakes.k12.ca.us",
)  # fmt: skip


def of(email: str, **more: object) -> dict[str, object]:
    return {"email": email, "email_domain": email.rpartition("@")[2], **more}


@pytest.mark.parametrize("email", COMPANIES)
def test_people_of_one_domain_are_colleagues(email: str) -> None:
    assert company_domain(of(email)) == COMPANIES[email]


@pytest.mark.parametrize("email", STRANGERS)
def test_people_of_a_provider_are_strangers(email: str) -> None:
    assert company_domain(of(email)) is None
    assert company_domain(of(email), education=True) is None


@pytest.mark.parametrize("email", SCHOOLS)
def test_people_of_a_school_are_colleagues_only_if_the_plan_says_so(email: str) -> None:
    assert company_domain(of(email)) is None
    assert company_domain(of(email), education=True) is not None


def test_lead_without_an_address_has_no_company() -> None:
    assert company_domain({}) is None
    assert company_domain(of("lee@werft.example", flags=["email_malformed"])) is None


def test_one_name_has_one_hash_whatever_its_legal_form() -> None:
    keys = {
        company_key(of("a@werft.example", company=name)) for name in ("Werft GmbH", "werft", "WERFT, Inc.")
    }
    assert len(keys) == 1
    other = company_key(of("a@werft.example", company="Reederei"))
    assert other is not None
    assert other not in keys
    assert "Reederei" not in other.source
