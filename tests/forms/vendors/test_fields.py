"""What the fields of a form mean, by their names in several languages, their types and their values."""

from typing import Any

import pytest

from app.forms.vendors.base import FormMap
from app.forms.vendors.fields import MappedFields, map_fields
from app.forms.vendors.form_field import FormField


def mapped(*fields: tuple[str, Any] | FormField, **mapping: Any) -> MappedFields:
    named = [
        each if isinstance(each, FormField) else FormField(f"q{at}", each[1], label=each[0])
        for at, each in enumerate(fields)
    ]
    return map_fields(named, FormMap(**mapping))


@pytest.mark.parametrize(
    ("label", "field"),
    [
        ("E-Mail-Adresse", "email"), ("Geschäftliche E-Mail *", "email"), ("Adresse e-mail", "email"),
        ("Correo electrónico", "email"), ("Email 2", "email"), ("your-email", "email"),
        ("What's your work email?", "email"), ("Wie lautet Ihre E-Mail-Adresse?", "email"),
        ("Telefon", "phone"), ("Numéro de téléphone", "phone"), ("Phone number (optional)", "phone"),
        ("Quel est votre numéro de téléphone ?", "phone"), ("tel-123", "phone"), ("Handynummer", "phone"),
        ("Prénom", "first_name"), ("FIRST_NAME", "first_name"), ("firstName", "first_name"),
        ("Vorname", "first_name"), ("Apellidos", "last_name"), ("Cognome", "last_name"),
        ("Company / Firma", "company"), ("Nom de l’entreprise", "company"), ("Azienda", "company"),
        ("What is the name of your company?", "company"), ("Bedrijfsnaam", "company"),
        ("Job title", "title"), ("Fonction", "title"), ("Stanowisko", "title"),
        ("Land", "country"), ("País", "country"), ("Which country are you in?", "country"),
        ("State/Province", "state"), ("Bundesland", "state"), ("Ville", "city"), ("PLZ", "postal_code"),
        ("ZIP / Postal code", "postal_code"), ("Branche", "industry"), ("Sprache", "language"),
        ("Company size", "employees"), ("How many employees does your company have?", "employees"),
        ("Anzahl der Mitarbeitenden", "employees"), ("Umsatz", "annual_revenue"),
    ],
)  # fmt: skip
def test_a_label_means(label: str, field: str) -> None:
    value = "ana@kundin.example" if field == "email" else "0301234567"
    found = mapped((label, value))
    assert found.lead == {field: value}
    assert found.unmapped == {}


@pytest.mark.parametrize(
    "label",
    [
        "Budget",
        "Name / Firma",
        "Score",
        "Lead ID",
        "owner_id",
        "crm.owner_id",
        "customer_status",
        "Where do you work?",
        "Tier",
    ],
)
def test_what_has_no_clear_meaning_stays_an_attribute(label: str) -> None:
    assert mapped((label, "x")) == MappedFields({}, {label: "x"})


def test_message_is_an_attribute_by_one_name() -> None:
    assert mapped(("Nachricht", "Hallo")).lead == {"attributes": {"message": "Hallo"}}
    assert mapped(("Votre message", "Salut")).lead == {"attributes": {"message": "Salut"}}


@pytest.mark.parametrize(
    ("labels", "lead"),
    [
        ({"Prénom": "Ana", "Nom": "Ruiz"}, {"first_name": "Ana", "last_name": "Ruiz"}),
        ({"Nombre": "Ana", "Apellidos": "Ruiz Sol"}, {"first_name": "Ana", "last_name": "Ruiz Sol"}),
        ({"Nome": "Ana Ruiz"}, {"first_name": "Ana", "last_name": "Ruiz"}),
        ({"Vor- und Nachname": "Ida Berg"}, {"first_name": "Ida", "last_name": "Berg"}),
        (
            {"Full name": "Ida von der Au"},
            {"first_name": "Ida", "last_name": "von der Au", "attributes": {"full_name": "Ida von der Au"}},
        ),
    ],
)
def test_names_are_whole_or_parts(labels: dict[str, str], lead: dict[str, Any]) -> None:
    assert mapped(*labels.items()).lead == lead


def test_the_key_goes_before_the_type_and_the_type_before_the_label() -> None:
    found = mapped(
        FormField("company", "Kunde AG", label="First name"),
        FormField("q2", "a@kundin.example", label="Job title", type="email"),
        FormField("q3", "CTO", label="Job title"),
    )
    assert found.lead == {"company": "Kunde AG", "email": "a@kundin.example", "title": "CTO"}


def test_an_address_is_one_whatever_its_label_says() -> None:
    found = mapped(
        ("Where can we send it?", " lena@kundin.example "), ("Which e-mail tool do you use?", "Foo")
    )
    assert found.lead == {"email": "lena@kundin.example"}
    assert found.unmapped == {"Which e-mail tool do you use?": "Foo"}


def test_the_address_at_work_goes_before_the_private_one() -> None:
    found = mapped(("Email", "ana@home.example"), ("Work email", "ana@kundin.example"))
    assert found.lead == {"email": "ana@kundin.example"}
    assert found.unmapped == {"Email": "ana@home.example"}


def test_the_same_value_under_two_names_is_kept_once() -> None:
    assert mapped(("Email", "ana@kundin.example"), ("2", "ana@kundin.example")).unmapped == {}


def test_the_mapping_goes_before_everything() -> None:
    found = mapped(
        FormField("f_7", "51-200", label="How big are you?"),
        FormField("email", "old@kundin.example"),
        FormField("f_8", "new@kundin.example", label="Contact"),
        FormField("utm_source", "x"),
        FormField("nonsense", "y"),
        fields={"employees": ["How big are you?"], "email": ["missing", "f_8"]},
        constants={"source": "fair", "employees": "1"},
        ignore=["Nonsense"],
    )
    assert found.lead == {
        "employees": "51-200", "email": "new@kundin.example", "utm": {"source": "x"}, "source": "fair",
    }  # fmt: skip
    assert found.unmapped == {"email": "old@kundin.example"}


@pytest.mark.parametrize(
    ("label", "type_", "value", "consent"),
    [
        ("I agree to receive e-mails", "checkbox", "on", {"email": "on"}),
        (
            "Ich stimme zu, per E-Mail und Telefon kontaktiert zu werden",
            "",
            True,
            {"email": True, "phone": True},
        ),
        ("Newsletter", "checkbox", "Yes, please", {"email": "Yes, please"}),
        ("sms_consent", "", "no", {"sms": "no"}),
        ("consent_email", "", "Ja, gern am Telefon", {"email": "Ja, gern am Telefon"}),
        ("J’accepte de recevoir des e-mails", "boolean", False, {"email": False}),
        ("I accept the privacy policy", "checkbox", "on", None),
        ("How should we contact you?", "dropdown", "Phone", None),
        ("Preferred contact by phone or e-mail?", "dropdown", "by e-mail", None),
    ],
)
def test_consent_is_what_names_a_channel(label: str, type_: str, value: Any, consent: Any) -> None:
    found = mapped(FormField("q", value, label=label, type=type_))
    assert found.lead.get("consent") == consent
    assert (found.unmapped == {}) is (consent is not None)


def test_campaigns_come_from_fields_then_from_the_page() -> None:
    found = mapped(("utm_source", "newsletter"), ("utmCampaign", "may"), ("gclid", "g1"))
    found.with_page(
        "https://k.example/a?utm_source=other&utm_medium=email&msclkid=m&x=1", "https://r.example"
    )
    assert found.lead == {
        "utm": {"source": "newsletter", "campaign": "may", "medium": "email"},
        "click_ids": {"gclid": "g1", "msclkid": "m"},
        "pages": ["https://k.example/a?utm_source=other&utm_medium=email&msclkid=m&x=1"],
        "referrer": "https://r.example",
    }


@pytest.mark.parametrize("name", ["gclid", "GCLID__c", "Google Click ID", "gcl_id", "hidden gclid"])
def test_the_id_of_a_click_is_one_whatever_it_is_called(name: str) -> None:
    assert mapped((name, "g1")).lead == {"click_ids": {"gclid": "g1"}}


def test_numbered_key_says_nothing_below_a_label() -> None:
    found = mapped(
        FormField("question_1", "Sails", label="Product name"), FormField("text_2", "Hello", label="Message")
    )
    assert found.lead == {"attributes": {"message": "Hello"}}
    assert found.unmapped == {"Product name": "Sails"}


@pytest.mark.parametrize("url", ["", None, 7, "http://[", "x" * 9000, "https://k.example/?" + "a=1&" * 500])
def test_no_page_fails(url: object) -> None:
    mapped().with_page(url)


def test_a_number_that_is_a_phone_is_flagged_and_one_that_is_too_large_is_a_text() -> None:
    found = mapped(("Phone", 301234567), ("Order", 2**53 + 1), ("Size", 12))
    assert found.lead == {"phone": "301234567"}
    assert found.unmapped == {"Order": "9007199254740993", "Size": 12}
    assert found.flags == ("phone_from_number",)


def test_empty_answers_are_none_and_long_ones_do_not_fit() -> None:
    found = mapped(("Phone", " "), ("Company", []), ("City", None), ("Email", "a" * 300 + "@k.example"))
    assert found.lead == {}
    assert found.unmapped.keys() == {"Email"}


def test_two_fields_of_one_name_are_both_kept() -> None:
    assert mapped(("Budget", "1"), ("Budget", "2")).unmapped == {"Budget": "1", "Budget_2": "2"}


def test_a_salutation_is_no_job() -> None:
    assert mapped(("Title", "Ms."), ("Position", "CTO")).lead == {"title": "CTO"}
    assert mapped(("Titel", "Dr.")).lead == {}
