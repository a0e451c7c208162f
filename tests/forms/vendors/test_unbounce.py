"""Unbounce: what its three encodings say."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.forms.vendors.base import FormRequest
from tests.forms.vendors.sent import form, is_unreadable, one, sent

DATA = {
    "email": ["ida@kundin.example"], "full_name": ["Ida Berg"], "interests": ["A", "B"], "budget": ["5k"],
    "ip_address": ["203.0.113.9"], "page_uuid": ["p-1"], "variant": ["b"], "time_submitted": ["10:57 PM UTC"],
    "date_submitted": ["2026-11-30"], "page_url": ["https://lp.example/?utm_source=ads"],
    "page_name": ["Demo"],
}  # fmt: skip
XML = (
    '<?xml version="1.0" encoding="UTF-8"?><form_data><email>ida@kundin.example</email>'
    "<interests>A</interests><interests>B</interests><page_uuid>p-1</page_uuid><date_submitted>2026-11-30</date_submitted>"
    "<time_submitted>10:57 PM UTC</time_submitted></form_data>"
)
OUTER = {
    "page_id": "p-1",
    "page_name": "Demo",
    "variant": "b",
    "page_url": "https://lp.example/?utm_source=ads",
}


def posted(data: Any = DATA, xml: str = "", **more: str) -> FormRequest:
    text = data if isinstance(data, str) else json.dumps(data)
    return form({**OUTER, "data.json": text, **({"data.xml": xml} if xml else {}), **more})


def test_lists_of_one_are_values() -> None:
    found = one("unbounce", posted())
    assert found.lead == {
        "email": "ida@kundin.example", "first_name": "Ida", "last_name": "Berg",
        "product_interest": ["A", "B"], "utm": {"source": "ads"}, "pages": ["https://lp.example/?utm_source=ads"],
        "attributes": {"page_id": "p-1", "page_name": "Demo", "variant": "b"},
        "ip": "203.0.113.9",
    }  # fmt: skip
    assert found.unmapped == {"budget": "5k"}
    assert found.at == datetime(2026, 11, 30, 22, 57, tzinfo=UTC)


def test_two_visitors_of_one_minute_are_two_and_a_repeat_is_none() -> None:
    other = one("unbounce", posted({**DATA, "email": ["ben@kundin.example"]}))
    assert (
        other.id != one("unbounce", posted()).id == one("unbounce", posted(dict(reversed(DATA.items())))).id
    )
    phones = [{**DATA, "email": [""], "phone": [number]} for number in ("0301", "0302")]
    assert len({one("unbounce", posted(each)).id for each in phones}) == 2


@pytest.mark.parametrize("broken", ['{"email":["ida@', "", "[]", "{{}"])
def test_a_broken_json_part_is_read_from_xml(broken: str) -> None:
    found = one("unbounce", posted(broken, XML))
    assert (found.lead["email"], found.lead["product_interest"]) == ("ida@kundin.example", ["A", "B"])
    assert found.flags == ("data_json_unreadable",)
    assert found.id == one("unbounce", posted()).id


def test_json_and_xml_may_be_the_whole_body() -> None:
    assert one("unbounce", sent(DATA)).lead["email"] == "ida@kundin.example"
    assert one("unbounce", sent({**OUTER, "data": DATA})).lead["email"] == "ida@kundin.example"
    request = sent(XML.encode(), {"content-type": b"application/xml"})
    assert one("unbounce", request).lead["product_interest"] == ["A", "B"]


@pytest.mark.parametrize("missing", ["page_id", "page_name", "variant", "page_url"])
def test_missing_parts_are_no_failure(missing: str) -> None:
    outer = {name: value for name, value in OUTER.items() if name != missing}
    request = form(
        {**outer, "data.json": json.dumps({"email": ["ida@kundin.example"], "time_submitted": ["x"]})}
    )
    found = one("unbounce", request)
    assert (found.lead["email"], found.at) == ("ida@kundin.example", None)


def test_without_data_nothing_can_be_made_of_it() -> None:
    assert is_unreadable("unbounce", form(OUTER))
    assert is_unreadable("unbounce", posted("{{", "<a><b></a>"))
    assert is_unreadable("unbounce", posted("", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'))
    assert is_unreadable("unbounce", sent(b""))


def test_a_repeat_is_not_looked_for_among_other_days_if_no_date_is_sent() -> None:
    fields = {"email": ["ida@kunde.example"], "time_submitted": ["04:17 PM UTC"]}
    undated = one("unbounce", sent(fields))
    dated = one("unbounce", sent({**fields, "date_submitted": ["2026-11-30"]}))
    assert undated.repeats_for < timedelta(hours=12) < dated.repeats_for
