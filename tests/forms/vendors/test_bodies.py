"""Bodies are read whatever their charset, media type and mistakes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.forms.multipart import flattened
from app.forms.vendors.base import FormMap, FormRequest, FormTerms, Unreadable
from app.forms.vendors.bodies import _with_repeated_keys, nested, read_body
from app.forms.vendors.fields import map_fields
from app.forms.vendors.form_field import fields_of
from app.forms.vendors.generic import GenericForm, values_at

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def sent(body: bytes, content_type: str = "", query: bytes = b"") -> FormRequest:
    """A request with this body."""
    return FormRequest("POST", {"content-type": content_type.encode()}, query, body)


READ: list[tuple[str, bytes, Any, tuple[str, ...]]] = [
    (FORM, b"n=J%C3%BCrg", {"n": "Jürg"}, ()),
    (FORM, b"n=J%FCrg", {"n": "Jürg"}, ()),
    (f"{FORM}; charset=iso-8859-2", b"n=%A3uk", {"n": "Łuk"}, ()),
    (FORM, b"_charset_=koi8-r&n=%EA%D5%CC", {"n": "Йул"}, ()),
    (f"{FORM}; charset=unknown-9", b"n=a", {"n": "a"}, ()),
    (f"{FORM}; charset=idna", b"n=J%FCrg", {"n": "Jürg"}, ()),
    (FORM, b"a=1&a=2&b[]=3&c=4", {"a": ["1", "2"], "b": ["3"], "c": "4"}, ()),
    (FORM, b"n=%81&m=x", {"m": "x"}, ("bytes_unreadable",)),
    (FORM, b'{"a": 1}', {"a": 1}, ("content_type_wrong",)),
    (FORM, b"{a=1", {"{a": "1"}, ()),
    (JSON, b"a=1&b=2", {"a": "1", "b": "2"}, ("content_type_wrong",)),
    (JSON, b'\xef\xbb\xbf{"a": 1}', {"a": 1}, ()),
    (JSON, '{"a": "ü"}'.encode("cp1252"), {"a": "ü"}, ()),
    (JSON, b'{"a": "x\ny\tz",}', {"a": "x\ny\tz"}, ("json_repaired",)),
    (JSON, b'{"a": [1, 2,], "b": ",]"}', {"a": [1, 2], "b": ",]"}, ("json_repaired",)),
    (JSON, b'{"id": 18446744073709551617}', {"id": 18446744073709551617}, ()),
    (JSON, b'{"a": "\\u0000x\\ud800"}', {"a": "x?"}, ()),
    ("text/plain", b'{"a": 1}', {"a": 1}, ()),
    ("text/xml", b"<r><a>1</a><a>2</a></r>", {"r": {"a": ["1", "2"]}}, ()),
]


@pytest.mark.parametrize(("content_type", "body", "document", "flags"), READ)
def test_what_is_sent_is_read(
    content_type: str, body: bytes, document: object, flags: tuple[str, ...]
) -> None:
    read = read_body(sent(body, content_type))
    assert (read.document, read.flags) == (document, flags)


def test_bytes_that_nothing_reads_are_kept() -> None:
    assert read_body(sent(b"n=%81%20", FORM)).unreadable == {"n": "gSA="}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b"{"),
        (JSON, b""),
        (JSON, b"[" * 100 + b"]" * 100),
        (JSON, b"[" * 100_000),
        (JSON, b"[" + b"1," * 30_000 + b"1]"),
        (FORM, b"&".join(b"a%d=1" % n for n in range(1_100))),
        ("text/xml", b'<!DOCTYPE r [<!ENTITY e "x">]><r>&e;</r>'),
        ("text/xml", b"<a>" * 100),
        ("text/plain", b"hello"),
    ],
)
def test_what_cannot_be_read_or_is_too_much_is_unreadable(content_type: str, body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_body(sent(body, content_type))


@given(
    st.binary(max_size=300), st.sampled_from([FORM, JSON, "text/xml", "", "multipart/form-data; boundary=b"])
)
def test_no_bytes_make_any_other_error(body: bytes, content_type: str) -> None:
    request = sent(body, content_type)
    try:
        if content_type.startswith("multipart"):
            request = flattened(sent(b"--b\r\n" + body, content_type))
        GenericForm().parse(request, FormTerms())
    except Unreadable:
        pass


def test_brackets_are_a_tree() -> None:
    assert nested({"f[a][v]": "1", "f[b]": "2", "g": "3", "h[": "4"}) == {
        "f": {"a": {"v": "1"}, "b": "2"}, "g": "3", "h[": "4",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.a.b", [1]),
        ("a.b", [1]),
        ("$.l[0].n", ["x"]),
        ("$.l[*].n", ["x", "y"]),
        ("$.l[n=y].v", [2]),
        ("$['odd.name']", [3]),
        ("odd.name", [3]),
        ("$.l[7].n", []),
        ("$.a.b.c", []),
        ("$", None),
    ],
)
def test_paths_lead_to_values(path: str, found: list[object] | None) -> None:
    document = {"a": {"b": 1}, "l": [{"n": "x", "v": 1}, {"n": "y", "v": 2}], "odd.name": 3}
    assert list(values_at(document, path)) == ([document] if found is None else found)


def test_names_tell_what_fields_mean_and_the_rest_is_kept() -> None:
    form = {
        "Vorname": "Liv", "Nom de famille": "Dahl", "Adresse e-mail": "liv@dahl.example",
        "utm_source": "brief", "gclid": "G1", "Zimmer": "12", "Tel.": "030 901820",
    }  # fmt: skip
    read = map_fields(fields_of(form), FormMap())
    assert read.lead == {
        "first_name": "Liv", "last_name": "Dahl", "email": "liv@dahl.example", "phone": "030 901820",
        "utm": {"source": "brief"}, "click_ids": {"gclid": "G1"},
    }  # fmt: skip
    assert read.unmapped == {"Zimmer": "12"}


def test_an_address_is_found_whatever_its_label_and_the_mapping_goes_first() -> None:
    form = {"Wie erreichen wir dich?": "liv@dahl.example ", "Name": "Liv Dahl", "intern": "x"}
    read = map_fields(fields_of(form), FormMap(fields={"company": ["Name"]}, ignore=["intern"]))
    assert read.lead == {"company": "Liv Dahl", "email": "liv@dahl.example"}
    assert read.unmapped == {}


class _Counted(str):
    compared = 0

    def __eq__(self, other: object) -> bool:
        _Counted.compared += 1
        return super().__eq__(other)

    __hash__ = str.__hash__


def test_a_repeated_key_costs_no_look_at_all_keys_for_each_of_them() -> None:
    pairs = [(_Counted(f"k{number}"), number) for number in range(1000)]
    found = _with_repeated_keys([*pairs, (_Counted("k7"), -1)])
    assert (len(found), found["k7"], found["k8"]) == (1000, [7, -1], 8)
    assert _Counted.compared < 20_000
