"""Reads the bodies that forms send: liberal in everything, and never an error but Unreadable.

The declared type is tried first, then what the bytes look like, once. Text is read by the form's own field
`_charset_`, by the header, as UTF-8 and as Windows-1252, in this order. A value that none of them reads is
kept as base64.
"""

import base64
import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from app.forms.vendors.base import FormRequest, Unreadable
from app.values.xml_elements import Element, RefusedXml, parse_xml

MAX_DEPTH: Final = 64
MAX_FIELDS: Final = 1000
"""Fields of a form."""
MAX_VALUES: Final = 20_000
"""Values of a JSON or XML document, at all depths."""
FORM: Final = "application/x-www-form-urlencoded"
DROPPED_FILES: Final = "x-dropped-files"
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9._:-]{1,40})")
_DECLARED_IN_XML = re.compile(rb"^<\?xml[^>]*\?>")
_TEXT_CODECS: Final = frozenset(
    (
        "ascii", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "koi8-r", "koi8-u", "mac-roman", "shift_jis",
        "cp932", "euc_jp", "gb2312", "gbk", "gb18030", "big5", "euc_kr", "cp949", "cp874",
        *(f"cp125{digit}" for digit in range(9)),
        *(f"iso8859-{number}" for number in range(1, 17)),
    )
)  # fmt: skip
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Body:
    """What a body says.

    - `document` is the JSON document, or the fields of a form by name, or the root element of XML by name.
      The values of a field that came several times, or whose name ends with `[]`, are a list.
    - `query` are the fields of the query string.
    - `is_form` says that it came as the fields of a form.
    - `flags` say what was unusual, `unreadable` holds the bytes that could not be read, as base64, by field.
    """

    document: Any = field(repr=False)
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)
    is_form: bool = False
    flags: tuple[str, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def fields(self) -> Mapping[str, Any]:
        """The document if it is an object, else nothing."""
        return self.document if isinstance(self.document, dict) else {}


def read_body(request: FormRequest) -> Body:
    """The body of a delivery; without one, the fields of its query string. Raises Unreadable."""
    read = _Reader(request)
    query = dict(read.form(request.query)) if request.query else {}
    raw = request.body
    if not raw.strip():
        if not query:
            raise Unreadable("is empty")
        return read.body(query, {}, is_form=True)
    declared, looks = _declared(request.content_type), _looks_like(raw)
    # Browsers encode braces, so what begins with one is no form whatever the header says.
    order = (looks, declared) if declared == "form" else (declared, looks)
    for kind in dict.fromkeys(order):
        try:
            document = read.document(kind, raw)
        except Unreadable:
            continue
        if declared is not None and kind != declared:
            read.flag("content_type_wrong")
        return read.body(document, query, is_form=kind == "form")
    raise Unreadable("is neither JSON, nor a form, nor XML")


def read_json(request: FormRequest) -> Any:
    """The JSON document of a delivery whose tool sends nothing else. Raises Unreadable."""
    return _Reader(request).document("json", request.body)


def parse_json(text: str) -> Any:
    """The document, also with raw line breaks in its strings and commas behind the last element.

    Whole numbers of any size stay exact. Raises Unreadable.
    """
    return _checked(_loads(text))


def nested(form: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a form as a tree: `fields[a][value]` stands in `fields`, in it `a`, in it `value`."""
    tree: dict[str, Any] = {}
    for name, value in form.items():
        head, bracket, rest = name.partition("[")
        if not head or not bracket or not rest.endswith("]"):
            tree.setdefault(name, value)
            continue
        place = tree
        *path, last = [head, *rest[:-1].split("][")][:MAX_DEPTH]
        for part in path:
            deeper = place.setdefault(part, {})
            if not isinstance(deeper, dict):
                deeper = place[part] = {"": deeper}
            place = deeper
        place.setdefault(last, value)
    return tree


def texts_of(value: Any) -> list[str]:
    """The texts of a value: of a list those of its elements, of a number its digits. None is empty."""
    if isinstance(value, list):
        return [text for each in value for text in texts_of(each)]
    if value is None or isinstance(value, dict):
        return []
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return [text] if (text := str(value).strip()) else []


def first_text(value: Any) -> str:
    """The first text of a value, or an empty one."""
    return next(iter(texts_of(value)), "")


class _Reader:
    """Reads one delivery, and notes what was unusual."""

    def __init__(self, request: FormRequest) -> None:
        header = request.headers.get("content-type", b"").decode("latin-1")
        named = _CHARSET.search(header)
        self._charsets = [named[1]] if named else []
        self._flags: dict[str, None] = {}
        self._unreadable: dict[str, str] = {}
        if request.headers.get(DROPPED_FILES):
            self.flag("files_dropped")

    def flag(self, name: str) -> None:
        self._flags[name] = None

    def body(self, document: Any, query: Mapping[str, Any], *, is_form: bool) -> Body:
        return Body(document, query, is_form, tuple(self._flags), dict(self._unreadable))

    def document(self, kind: str | None, raw: bytes) -> Any:
        match kind:
            case "json":
                text = self._text(raw)
                try:
                    return _checked(_json(text))
                except (ValueError, RecursionError):
                    document = parse_json(text)
                    self.flag("json_repaired")
                    return document
            case "form":
                return self.form(raw)
            case "xml":
                return _of_xml(raw)
        raise Unreadable("has an unknown type")

    def form(self, raw: bytes) -> dict[str, Any]:
        pairs = [each.partition(b"=") for each in raw.strip().split(b"&") if each]
        if len(pairs) > MAX_FIELDS:
            raise Unreadable("has too many fields")
        sent = [(_unquoted(name), _unquoted(value)) for name, _, value in pairs]
        own = [value.decode("latin-1") for name, value in sent if name == b"_charset_"]
        charsets = [*own, *self._charsets]
        found: dict[str, list[str]] = {}
        lists = set()
        for raw_name, raw_value in sent:
            name = _decoded(raw_name, charsets) or raw_name.decode("latin-1")
            if name.endswith("[]"):
                name = name[:-2]
                lists.add(name)
            value = _decoded(raw_value, charsets)
            if value is None:
                self.flag("bytes_unreadable")
                self._unreadable[name] = base64.b64encode(raw_value).decode()
            elif name != "_charset_":
                found.setdefault(name, []).append(_plain(value))
        return {
            _plain(name): values[0] if len(values) == 1 and name not in lists else values
            for name, values in found.items()
        }

    def _text(self, raw: bytes) -> str:
        for bom, codec in _BOMS:
            if raw.startswith(bom):
                text = _decoded(raw[len(bom) :], [codec])
                break
        else:
            text = _decoded(raw, self._charsets)
        if text is None:
            self.flag("bytes_unreadable")
            text = raw.decode("utf-8", "replace")
        return text


def _declared(content_type: str) -> str | None:
    if content_type == FORM:
        return "form"
    if "json" in content_type:
        return "json"
    return "xml" if content_type.endswith("xml") else None


def _looks_like(raw: bytes) -> str | None:
    start = raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start in (b"{", b"[") or raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "json"
    if start == b"<":
        return "xml"
    return "form" if b"=" in raw else None


def _unquoted(raw: bytes) -> bytes:
    return unquote_to_bytes(raw.replace(b"+", b" "))


def _decoded(raw: bytes, charsets: Sequence[str]) -> str | None:
    if raw.isascii():
        # ISO-2022 and UTF-7 hide letters in ASCII; no browser sends them.
        return raw.decode("ascii")
    for charset in (*charsets, "utf-8", "cp1252"):
        codec = _codec(charset)
        try:
            if codec is not None:
                return raw.decode(codec)
        except ValueError:
            continue
    return None


def _codec(charset: str) -> str | None:
    """The codec of a charset. What calls itself Latin 1 or ASCII is Windows-1252, as browsers have it."""
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return None
    if name not in _TEXT_CODECS:
        return None
    return "cp1252" if name in ("ascii", "iso8859-1") else name


def _loads(text: str) -> Any:
    try:
        return _json(_without_last_commas(text), strict=False)
    except (ValueError, RecursionError):
        raise Unreadable("is not JSON") from None


def _json(text: str, *, strict: bool = True) -> Any:
    return json.loads(
        text, strict=strict, parse_constant=lambda _: None, object_pairs_hook=_with_repeated_keys
    )


def _with_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which a key that comes several times with texts or numbers holds a list of them."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    groups: dict[str, list[Any]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return found | {
        name: values
        for name, values in groups.items()
        if len(values) > 1 and not any(isinstance(each, dict | list) for each in values)
    }


def _without_last_commas(text: str) -> str:
    return "".join(_pieces(text))


_STRINGS_AND_COMMAS = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)


def _pieces(text: str) -> Iterator[str]:
    """The text without commas in front of a closing bracket, outside of strings."""
    end = 0
    for found in _STRINGS_AND_COMMAS.finditer(text):
        yield text[end : found.start()]
        if found[0] != ",":
            yield found[0]
        end = found.end()
    yield text[end:]


def _checked(document: Any) -> Any:
    return _Checker().checked(document, 0)


class _Checker:
    """Counts the values of a document, and takes out what the database cannot keep."""

    def __init__(self) -> None:
        self._values = 0

    def checked(self, value: Any, depth: int) -> Any:
        self._values += 1
        if self._values > MAX_VALUES:
            raise Unreadable("has too many values")
        if isinstance(value, str):
            return _plain(value)
        if not isinstance(value, dict | list):
            return value
        if depth == MAX_DEPTH:
            raise Unreadable("is nested too deep")
        if isinstance(value, list):
            return [self.checked(each, depth + 1) for each in value]
        return {_plain(name): self.checked(each, depth + 1) for name, each in value.items()}


def _plain(text: str) -> str:
    """Without NUL and halves of surrogate pairs."""
    return (
        text
        if text.isascii() and "\0" not in text
        else text.replace("\0", "").encode("utf-8", "replace").decode()
    )


def _of_xml(raw: bytes) -> dict[str, Any]:
    if not _DECLARED_IN_XML.match(raw.lstrip()):
        raw = raw.strip()
        text = _decoded(raw, [])
        raw = raw if text is None else text.encode()
    try:
        root = parse_xml(raw.lstrip(), MAX_DEPTH)
    except RefusedXml:
        raise Unreadable("is not XML, or has a document type") from None
    document = _checked({root.name: _of_element(root)})
    return dict(document)


def _of_element(element: Element) -> Any:
    """The text of an element, or its children by name; children of one name are a list."""
    if not element.children:
        return element.text.strip()
    found: dict[str, list[Any]] = {}
    for child in element.children:
        found.setdefault(child.name, []).append(_of_element(child))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}
