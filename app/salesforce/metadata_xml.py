"""Reads the XML of Salesforce's Metadata API."""

from app.salesforce.errors import UnreadableFile
from app.values.xml_elements import Element, RefusedXml, parse_xml

MAX_BYTES = 20 * 1024 * 1024
MAX_DEPTH = 32


def parse_metadata(raw: bytes, roots: tuple[str, ...]) -> Element:
    """The root element of a file, which must have one of these names.

    Raises UnreadableFile, with the line where there is one.
    """
    if len(raw) > MAX_BYTES:
        raise UnreadableFile(f"is larger than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        root = parse_xml(raw, MAX_DEPTH)
    except RefusedXml as refused:
        line = f"line {refused.line}: " if refused.line is not None else ""
        raise UnreadableFile(f"{line}{refused.detail}") from None
    if root.name not in roots:
        raise UnreadableFile(f"line {root.line}: has <{root.name}> where <{roots[0]}> was expected")
    return root
