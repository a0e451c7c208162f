"""Reads XML into small elements, each with its line.

A document type is refused, so no entity is ever expanded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat


class RefusedXml(Exception):
    """The XML is refused: `detail` says why, `line` where that is known."""

    def __init__(self, detail: str, line: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.line = line


@dataclass(slots=True)
class Element:
    """An element without its namespace, and the line it starts in.

    The names of attributes have their namespace before them, with a space.
    """

    name: str
    line: int
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, name: str) -> list["Element"]:
        """The children of this name."""
        return [each for each in self.children if each.name == name]

    def value(self, name: str) -> str | None:
        """The text of the first child of this name. None if there is no such child, or no text."""
        found = next(iter(self.all(name)), None)
        return found.text.strip() or None if found is not None else None


def parse_xml(raw: bytes, max_depth: int) -> Element:
    """The root element. Raises RefusedXml."""
    reader = _Reader(max_depth)
    try:
        reader.parser.Parse(raw, True)
    except expat.ExpatError as error:
        text = expat.ErrorString(error.code)
        raise RefusedXml(f"is not well-formed XML ({text})", error.lineno) from None
    except (LookupError, ValueError):
        raise RefusedXml("has an unknown encoding") from None
    return reader.top.children[0]


class _Reader:
    """Collects the elements that expat reports."""

    def __init__(self, max_depth: int) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.top = Element("", 0)
        self._max_depth = max_depth
        self._open = [self.top]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        if len(self._open) > self._max_depth:
            raise RefusedXml("is nested too deep", line)
        element = Element(name.rpartition(" ")[2], line, attributes)
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text

    def _doctype(self, *_: object) -> None:
        raise RefusedXml("has a document type, which is refused", self.parser.CurrentLineNumber)
