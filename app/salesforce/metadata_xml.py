"""Reads the XML of Salesforce's Metadata API into small elements, each with its line.

A document type is refused, so no entity is ever expanded.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

from app.salesforce.errors import UnreadableFile

MAX_BYTES = 20 * 1024 * 1024
MAX_DEPTH = 32


@dataclass(slots=True)
class Element:
    """An element without its namespace, and the line it starts in."""

    name: str
    line: int
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, name: str) -> list["Element"]:
        """The children of this name."""
        return [each for each in self.children if each.name == name]

    def value(self, name: str) -> str | None:
        """The text of the first child of this name. None if there is no such child, or no text."""
        found = next(iter(self.all(name)), None)
        return found.text.strip() or None if found is not None else None


def parse_metadata(raw: bytes, roots: tuple[str, ...]) -> Element:
    """The root element of a file, which must have one of these names.

    Raises UnreadableFile, with the line where there is one.
    """
    if len(raw) > MAX_BYTES:
        raise UnreadableFile(f"is larger than {MAX_BYTES // 1024 // 1024} MiB")
    reader = _Reader()
    try:
        reader.parser.Parse(raw, True)
    except expat.ExpatError as error:
        text = expat.ErrorString(error.code)
        raise UnreadableFile(f"line {error.lineno}: is not well-formed XML ({text})") from None
    except (LookupError, ValueError) as error:
        if isinstance(error, UnreadableFile):
            raise
        raise UnreadableFile("has an unknown encoding") from None
    root = reader.top.children[0]
    if root.name not in roots:
        raise UnreadableFile(f"line {root.line}: has <{root.name}> where <{roots[0]}> was expected")
    return root


class _Reader:
    """Collects the elements that expat reports."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.top = Element("", 0)
        self._open = [self.top]

    def _start(self, name: str, _: object) -> None:
        line = self.parser.CurrentLineNumber
        if len(self._open) > MAX_DEPTH:
            raise UnreadableFile(f"line {line}: is nested too deep")
        element = Element(name.rpartition(" ")[2], line)
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text

    def _doctype(self, *_: object) -> None:
        line = self.parser.CurrentLineNumber
        raise UnreadableFile(f"line {line}: has a document type, which is refused")
