"""Reads text files of any common encoding, line by line, as often as needed and without holding the file.

A byte order mark decides. Without one, zero bytes mean UTF-16, and every other line is UTF-8 or, if it is
not, Windows-1252, which spreadsheets write in Western Europe and America.
"""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from app.cli.context import CommandError

CHUNK_BYTES = 1 << 20
MAX_LINE_BYTES = 8 << 20
"""A longer line is not a line of a table or of JSON."""
_SAMPLE_BYTES = 4096
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks of wide encodings; UTF-32 first, because it begins like UTF-16."""
_FOREIGN = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive. Save the sheet as CSV UTF-8, or unpack the archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook. Save the sheet as CSV UTF-8"),
    (b"\x1f\x8b", "compressed. Unpack it first"),
    (b"%PDF", "a PDF document. Export the data as CSV UTF-8"),
)
_BY_LINE = ""
"""Not an encoding: each line is UTF-8 or else Windows-1252."""
_FALLBACK = "cp1252"
_MARK = "\ufeff"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_REMEDY = "Name the encoding with --encoding, or save the file as UTF-8. Spreadsheets call this CSV UTF-8."


@dataclass(slots=True)
class TextFile:
    """A text file. `encoding` is a name that Python knows; None detects it.

    `fallback_line` is the first line that was read as Windows-1252, once lines were read.
    """

    path: Path
    encoding: str | None = None
    fallback_line: int | None = None
    _held: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raises CommandError if the file cannot be read as text, or is empty."""
        if self.encoding is not None and not _is_text_encoding(self.encoding):
            raise CommandError(f"Unknown encoding {self.encoding!r}. Use a name such as utf-8 or shift_jis.")
        try:
            if not self.path.is_file():
                self._held = self.path.read_bytes()  # a pipe can be read only once
            with self._open() as file:
                start = file.read(_SAMPLE_BYTES)
        except OSError as error:
            raise self._unreadable(error.strerror or type(error).__name__) from None
        for magic, what in _FOREIGN:
            if start.startswith(magic):
                raise CommandError(f"Cannot read {self.path}: it is {what}.")
        if self.encoding is None:
            self.encoding = _encoding_of(start)
        if not any(line.strip() for line in self.lines()):
            raise CommandError(f"{self.path} is empty.")

    def lines(self) -> Iterator[str]:
        """The lines with their ends, which may be LF, CR LF or CR. Raises CommandError."""
        with self._open() as file:
            # Concatenated files have marks inside.
            for line in self._detected(file) if self.encoding == _BY_LINE else self._decoded(file):
                yield line.removeprefix(_MARK)

    def notes(self) -> Iterator[str]:
        """What the caller should know about how the file was read."""
        if self.fallback_line is not None:
            yield (
                f"{self.path.name} is not UTF-8 in line {self.fallback_line}, so such lines are read as"
                " Windows-1252. If names look wrong, use --encoding."
            )

    def _open(self) -> BinaryIO:
        return self.path.open("rb") if self._held is None else io.BytesIO(self._held)

    def _unreadable(self, why: str) -> CommandError:
        return CommandError(f"Cannot read {self.path}: {why}.")

    def _decoded(self, file: BinaryIO) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self.encoding or "")()
        left, number = "", 0
        try:
            while chunk := file.read(CHUNK_BYTES):
                # The last line may go on in the next chunk, and so may the line end CR LF.
                *lines, left = _LINE.findall(left + decoder.decode(chunk)) or [""]
                yield from lines
                number += len(lines)
                self._check_length(number + 1, len(left))
            yield from _LINE.findall(left + decoder.decode(b"", final=True))
        except UnicodeError:
            raise CommandError(
                f"Cannot read {self.path}: it is not valid {self.encoding} after line {number}. {_REMEDY}"
            ) from None

    def _detected(self, file: BinaryIO) -> Iterator[str]:
        for number, line in enumerate(self._raw_lines(file), 1):
            try:
                yield line.decode()
            except UnicodeDecodeError:
                yield self._fallen_back(number, line)

    def _fallen_back(self, number: int, line: bytes) -> str:
        try:
            text = line.decode(_FALLBACK)
        except UnicodeDecodeError:
            what = "neither UTF-8 nor Windows-1252"
            raise CommandError(f"Cannot read {self.path}: line {number} is {what}. {_REMEDY}") from None
        if self.fallback_line is None:
            self.fallback_line = number
        return text

    def _raw_lines(self, file: BinaryIO) -> Iterator[bytes]:
        left, number = b"", 0
        while chunk := file.read(CHUNK_BYTES):
            *lines, left = (left + chunk).splitlines(keepends=True)
            yield from lines
            number += len(lines)
            self._check_length(number + 1, len(left))
        yield from left.splitlines(keepends=True)

    def _check_length(self, number: int, length: int) -> None:
        if length >= MAX_LINE_BYTES:
            raise CommandError(f"Cannot read {self.path}: line {number} is longer than 8 MiB.")


def _encoding_of(start: bytes) -> str:
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    even, odd = start[::2].count(0), start[1::2].count(0)
    wide = "utf-16-le" if odd > even else "utf-16-be"
    # A zero byte can also be a fault in a text of narrow characters.
    if (even or odd) and ((even + odd) * 5 >= len(start) or _has_lines(start, wide)):
        return wide
    return _BY_LINE


def _has_lines(start: bytes, encoding: str) -> bool:
    return not {"\n", "\r"}.isdisjoint(start.decode(encoding, "replace"))


def _is_text_encoding(name: str) -> bool:
    try:
        "".encode(name)
    except (LookupError, UnicodeError):
        return False
    return True
