"""Reads multipart bodies into the urlencoded form in which they are kept. Files are dropped."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_from_bytes

from python_multipart import multipart
from python_multipart.exceptions import MultipartParseError

from app.forms.vendors.base import FormRequest, Unreadable
from app.forms.vendors.bodies import DROPPED_FILES, FORM, MAX_FIELDS

MULTIPART: Final = "multipart/form-data"
MAX_PART: Final = 256 * 1024
"""Bytes of a part that is no file. A larger one is dropped like a file."""
MAX_NAME: Final = 200


def is_multipart(request: FormRequest) -> bool:
    """Whether a body says that it is multipart."""
    return request.content_type == MULTIPART


def flattened(request: FormRequest) -> FormRequest:
    """The same request with its parts as an urlencoded body. Raises Unreadable."""
    header = request.headers.get("content-type", b"")
    boundary = multipart.parse_options_header(header)[1].get(b"boundary")
    if not boundary:
        raise Unreadable("has no boundary")
    parts = _Parts()
    try:
        parser = multipart.MultipartParser(boundary, parts.callbacks())
        parser.write(request.body)
        parser.finalize()
    except MultipartParseError:
        raise Unreadable("is not multipart") from None
    headers: dict[str, bytes] = {**request.headers, "content-type": FORM.encode()}
    if parts.dropped:
        headers[DROPPED_FILES] = b", ".join(parts.dropped)[:1024]
    body = b"&".join(
        f"{quote_from_bytes(name, safe='@')}={quote_from_bytes(value, safe='@')}".encode()
        for name, value in parts.fields
    )
    return FormRequest(request.method, headers, request.query, body)


if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


@dataclass(slots=True)
class _Parts:
    """Collects the parts of a body."""

    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    dropped: list[bytes] = field(default_factory=list)
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _data: bytearray = field(default_factory=bytearray)
    _name: bytes = b""
    _is_file: bool = False

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._take,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.fields) + len(self.dropped) >= MAX_FIELDS:
            raise Unreadable("has too many fields")
        self._headers, self._data = {}, bytearray()

    def _header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _headers_end(self) -> None:
        options = multipart.parse_options_header(self._headers.get(b"content-disposition", b""))[1]
        self._name = options.get(b"name", b"")[:MAX_NAME]
        self._is_file = b"filename" in options

    def _take(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file:
            self._data += data[start:end]
            self._is_file = len(self._data) > MAX_PART

    def _end(self) -> None:
        if self._is_file:
            self.dropped.append(self._name)
        elif self._name:
            self.fields.append((self._name, bytes(self._data)))
