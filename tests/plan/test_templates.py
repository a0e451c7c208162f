import pytest

from app.plan.findings import Faults
from app.plan.language.templates import Placeholder, Template, parse_template


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ("plain",)),
        ("", ()),
        ("Call {lead.first_name} now", ("Call ", Placeholder("lead.first_name"), " now")),
        ("{ owner.name }", (Placeholder("owner.name"),)),
        ("{owner.crm.salesforce}", (Placeholder("owner.crm.salesforce"),)),
        ("{lead.attributes.seats}", (Placeholder("lead.attributes.seats"),)),
        ("{{literal}}", ("{", "literal", "}")),
        ("{team}{queue}", (Placeholder("team"), Placeholder("queue"))),
    ],
)
def test_template_is_parsed(text: str, expected: Template) -> None:
    assert parse_template(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "invalid_template"),
        ("}", "invalid_template"),
        ("a {lead.email", "invalid_template"),
        ("{a{b}}", "invalid_template"),
        ("{}", "unknown_placeholder"),
        ("{nobody}", "unknown_placeholder"),
        ("{lead}", "unknown_placeholder"),
        ("{lead.nope}", "unknown_placeholder"),
        ("{owner.password}", "unknown_placeholder"),
        ("{owner.crm.}", "unknown_placeholder"),
        ("{owner.name!r}", "unknown_placeholder"),
    ],
)
def test_invalid_template_is_rejected(text: str, code: str) -> None:
    with pytest.raises(Faults) as refusal:
        parse_template(text)
    assert [finding.code for finding in refusal.value.findings] == [code]
