"""What questions and labels mean, in the words of people who make forms."""

import pytest

from app.forms.vendors.base import FormMap
from app.forms.vendors.fields import map_fields
from app.forms.vendors.form_field import FormField, fields_of
from tests.forms.vendors.sent import form, one, sent


def lead_of(label: str, value: object, type_: str = "") -> dict[str, object]:
    return map_fields([FormField("a1b2", value, label=label, type=type_)], FormMap()).lead


@pytest.mark.parametrize(
    ("label", "value", "field"),
    [
        ("Für welches Unternehmen arbeitest du, {{field:12ab}}?", "Nordlicht", "company"),
        ("In welchem Land sitzt ihr?", "Norwegen", "country"),
        ("Aus welcher Stadt kommst du?", "Bonn", "city"),
        ("Wie viele Mitarbeitende habt ihr?", "11-50", "employees"),
        ("Wie viele Personen arbeiten in Ihrem Unternehmen?", "12", "employees"),
        ("How many people work at your company?", "12", "employees"),
        ("How many people does your company employ?", "12", "employees"),
        ("Eure Website", "https://nordlicht.example", "website"),
        ("¿En qué empresa trabajas?", "Luz Norte", "company"),
        ("¿En qué país?", "Chile", "country"),
        ("Dans quelle entreprise travaillez-vous ?", "Lumière", "company"),
        ("会社名を教えてください", "北光商事", "company"),
        ("What do you do there?", "Head of Sales", "title"),
        ("Was machst du beruflich?", "Tischlerin", "title"),
        ("Wie groß ist Ihr Unternehmen?", "11-50", "employees"),
        ("Number of employees in your company", "11-50", "employees"),
        ("In welcher Branche seid ihr tätig?", "Handel", "industry"),
        ("Country/Region", "Norway", "country"),
        ("Фамилия", "Берг", "last_name"),
        ("お電話番号", "03-1234-5678", "phone"),
        ("Job function", "Sales", "title"),
        ("fname", "Ulla", "first_name"),
        ("lname", "Berg", "last_name"),
        ("Name (Last)", "Berg", "last_name"),
        ("landing_page", "https://nordlicht.example/?utm_source=fair", "landing_page"),
        ("Zeitzone", "Europe/Oslo", "timezone"),
        ("client_ip", "203.0.113.77", "ip"),
        ("Name Ihres Unternehmens *", "Nordlicht", "company"),
        ("Quel est le nom de votre entreprise ?", "Lumière", "company"),
        ("Naam van je organisatie", "Noord", "company"),
        ("Come si chiama la tua azienda?", "Luce", "company"),
        ("Название организации", "Север", "company"),
        ("会社名（必須）", "北光商事", "company"),
        ("ウェブサイト", "https://nordlicht.example", "website"),
        ("Mobiltelefonnummer", "0171 2345678", "phone"),
        ("N° de téléphone", "01 23 45 67 89", "phone"),
        ("Kontakttelefon", "030 1234567", "phone"),
        ("Puhelinnumero", "040 123 4567", "phone"),
        ("联系电话", "010 6552 9988", "phone"),
        ("Anzahl Mitarbeiter:innen", "11-50", "employees"),
        ("Combien de salariés compte votre entreprise ?", "12", "employees"),
        ("Quantos funcionários sua empresa tem?", "12", "employees"),
        ("Çalışan sayısı", "12", "employees"),
        ("País de residencia", "Chile", "country"),
        ("Dans quel pays se trouve votre entreprise ?", "Norvège", "country"),
        ("In welk land ben je actief?", "Noorwegen", "country"),
        ("Langue de préférence", "fr", "language"),
        ("Faturamento anual", "10 Mio", "annual_revenue"),
        ("Почтовый индекс", "101000", "postal_code"),
        ("Which of our products are you interested in?", ["Sails"], "product_interest"),
        ("Ich interessiere mich für", ["Segel"], "product_interest"),
    ],
)
def test_a_question_asks_for_a_field(label: str, value: object, field: str) -> None:
    assert lead_of(label, value) == {field: value}


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("What does your company do?", "We make sails"),
        ("What do you want to do with the product?", "Sail"),
        ("How many people will come to the event?", "3"),
        ("Do you have a website?", "Yes"),
        ("Habt ihr eine Website?", "nein"),
        ("Where is your company?", "On a hill"),
        ("Hast du ein Unternehmen?", "ja"),
        ("Are you interested in", "yes"),
        ("Which countries do you sell to?", "Norway"),
        ("Country you want to visit", "Norway"),
        ("Country of birth", "Norway"),
        ("Emergency contact name", "Ida Berg"),
        ("userName", "ida7"),
        ("How many licenses?", "1200000"),
        ("Number of phone lines", "120000"),
        ("City or town hall?", "no"),
        ("Mobile app downloads", "1000000"),
        ("Tell us how you heard about us", "From Ida"),
        ("Describe your role", "I sell sails"),
    ],
)
def test_a_question_about_something_else_stays_what_it_is(label: str, value: str) -> None:
    found = map_fields([FormField("a1b2", value, label=label)], FormMap())
    assert found.lead == {}
    assert found.unmapped == {label: value}


@pytest.mark.parametrize(
    "label",
    [
        "How can we help you today?", "What are you looking for?", "Tell us about your project",
        "Anything else?",
        "Womit können wir Ihnen helfen?", "Beschreiben Sie Ihr Vorhaben", "Comment pouvons-nous vous aider ?",
        "¿Cómo podemos ayudarte?", "Como podemos te ajudar?", "Waarmee kunnen we je helpen?",
        "Come possiamo aiutarti?", "W czym możemy pomóc?", "Комментарий", "ご質問・ご要望", "문의 내용",
    ],
)  # fmt: skip
def test_a_question_for_some_sentences_is_the_message(label: str) -> None:
    assert lead_of(label, "We need sails.") == {"attributes": {"message": "We need sails."}}


def test_a_field_called_message_goes_before_a_question() -> None:
    fields = [
        FormField("a", "Sails", label="Tell us about your project"),
        FormField("b", "Call me", label="Message"),
    ]
    found = map_fields(fields, FormMap())
    assert found.lead == {"attributes": {"message": "Call me"}}
    assert found.unmapped == {"Tell us about your project": "Sails"}


@pytest.mark.parametrize(
    "label", ["Name, Vorname", "Nachname, Vorname", "Nom / Prénom", "Vorname & Nachname"]
)
def test_a_field_for_both_parts_of_a_name_is_the_name(label: str) -> None:
    assert lead_of(label, "Berg, Ida") == {"first_name": "Ida", "last_name": "Berg"}


@pytest.mark.parametrize(
    ("label", "channel"),
    [
        ("Ich willige ein, per E-Mail Neuigkeiten zu erhalten.", "email"),
        ("メールでのご案内に同意します", "email"),
        ("Acepto que me llamen", "phone"),
        ("You may contact me by text", "sms"),
    ],
)
def test_a_tick_below_a_sentence_is_a_consent(label: str, channel: str) -> None:
    assert lead_of(label, True, "legal") == {"consent": {channel: True}}


@pytest.mark.parametrize(
    "label",
    [
        "Ich möchte keine Werbung per E-Mail",
        "Ich bin nicht einverstanden, Mails zu erhalten",
        "Do not contact me by phone",
        "Please don't e-mail me newsletters",
        "Unsubscribe me from e-mails",
        "Opt out of marketing e-mails",
        "Newsletter abbestellen (E-Mail)",
        "Nein danke, keinen Newsletter",
        "No quiero recibir correos comerciales, no acepto",
        "Do you have an e-mail newsletter?",
        "Have we contacted you by phone before?",
    ],
)
@pytest.mark.parametrize("value", [True, "on", "Ja"])
def test_a_tick_that_says_no_or_something_else_is_no_consent(label: str, value: object) -> None:
    found = map_fields([FormField("a1b2", value, label=label, type="checkbox")], FormMap())
    assert found.lead == {}
    assert found.unmapped == {label: value}


@pytest.mark.parametrize(
    ("label", "channel"),
    [
        ("I agree to receive e-mails. You can unsubscribe at any time.", "email"),
        ("Ich möchte Neuigkeiten per E-Mail erhalten. Abmeldung jederzeit möglich.", "email"),
        ("Ich stimme E-Mails zu. Das ist nicht Pflicht.", "email"),
        ("Je souhaite recevoir des offres par SMS", "sms"),
        ("Dürfen wir Sie anrufen?", "phone"),
        ("May we call you?", "phone"),
    ],
)
def test_what_stands_beside_a_yes_does_not_deny_it(label: str, channel: str) -> None:
    assert lead_of(label, True, "checkbox") == {"consent": {channel: True}}


def test_the_text_of_a_consent_is_no_consent_to_text_messages() -> None:
    found = map_fields([FormField("Consent (Text)", "I agree to the terms")], FormMap())
    assert found.lead == {}


def test_objects_of_persons_and_companies_are_read() -> None:
    body = {
        "company": {"name": "Nordlicht AS", "domain": "nordlicht.example", "size": "11-50",
                    "phone": "+47 22 12 34 56", "address": {"country": "Norway", "city": "Oslo"}},
        "contact": {"firstName": "Ulla", "lastName": "Berg", "email": "ulla@nordlicht.example",
                    "address": {"city": "Bergen", "zip": "5003"}},
        "form": {"name": "Demo"},
    }  # fmt: skip
    found = map_fields(fields_of(body), FormMap())
    assert found.lead == {
        "first_name": "Ulla", "last_name": "Berg", "email": "ulla@nordlicht.example", "city": "Bergen",
        "postal_code": "5003", "company": "Nordlicht AS", "website": "nordlicht.example",
        "employees": "11-50", "country": "Norway", "phone": "+47 22 12 34 56",
    }  # fmt: skip
    assert found.unmapped == {"company.address.city": "Oslo", "form.name": "Demo"}


def test_a_number_with_a_plus_is_a_phone_number_unless_it_is_a_fax() -> None:
    assert lead_of("3", "+49 30 901820") == {"phone": "+49 30 901820"}
    assert lead_of("Fax", "+49 30 901820") == {}
    assert lead_of("Order", "30901820") == {}


def test_of_several_addresses_the_first_counts_and_none_is_lost() -> None:
    found = one("generic", sent(b'{"email": "none", "email": "a@ulla.example", "email": "b@ulla.example"}'))
    assert found.lead == {"email": "a@ulla.example"}
    assert found.unmapped == {"email": "none", "email_2": "b@ulla.example"}


def test_the_same_address_twice_is_one() -> None:
    found = one("generic", form([("email", "a@ulla.example"), ("email", "a@ulla.example")]))
    assert found.lead == {"email": "a@ulla.example"}
    assert found.unmapped == {}


def test_keys_that_come_several_times_in_json_are_a_list() -> None:
    found = one(
        "generic", sent(b'{"email": "a@ulla.example", "x": "1", "x": 2, "y": {"z": 1}, "y": {"z": 2}}')
    )
    assert found.unmapped == {"x": ["1", 2], "y": {"z": 2}}


def test_numbers_of_any_size_are_kept() -> None:
    body = b'{"email": "a@ulla.example", "order": 123456789012345678901234567890}'
    for kind in ("generic", "html"):
        assert one(kind, sent(body)).unmapped == {"order": "123456789012345678901234567890"}
    mapped = one("generic", sent(body), {"email": ["$.email"]})
    assert mapped.unmapped == {"order": "123456789012345678901234567890"}


def test_what_a_mapping_does_not_name_is_kept_where_it_stood() -> None:
    body = {"person": {"mail": "a@ulla.example", "age": 40}, "tags": [{"k": 1}], "deal": {"x": None}}
    found = one("generic", sent(body), {"email": ["$.person.mail"], "attributes.tag": ["$.tags[0].k"]})
    assert found.lead == {"email": "a@ulla.example", "attributes": {"tag": 1}}
    assert found.unmapped == {"person": {"age": 40}}
