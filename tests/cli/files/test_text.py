"""Text files in any common encoding, with any line ends."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.context import CommandError
from app.cli.files.text import CHUNK_BYTES, TextFile

TEXT = "E-Mail\tOrt\r\nzoë@kunde.example\tKöln\r\n"


def kept(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def read(path: Path, content: bytes, encoding: str | None = None) -> str:
    return "".join(TextFile(kept(path, content), encoding).lines())


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_encoding_is_detected(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path / "leads.csv", TEXT.encode(encoding)) == TEXT


def test_a_stray_zero_byte_does_not_make_it_utf_16(tmp_path: Path) -> None:
    path = tmp_path / "stray.csv"
    path.write_bytes(b"email,first_name\nq@kunde.example,a\x00b\n")
    assert next(TextFile(path).lines()) == "email,first_name\n"


def test_named_encoding_is_used(tmp_path: Path) -> None:
    text = "メール,会社名\n"
    assert read(tmp_path / "leads.csv", text.encode("shift_jis"), "shift_jis") == text
    with pytest.raises(CommandError, match="not valid utf-8 after line 0"):
        read(tmp_path / "leads.csv", TEXT.encode("cp1252"), "utf-8")


def test_concatenated_files_may_differ_in_encoding(tmp_path: Path) -> None:
    path = kept(tmp_path / "leads.csv", TEXT.encode() + TEXT.encode("utf-8-sig") + TEXT.encode("cp1252"))
    file = TextFile(path)
    assert "".join(file.lines()) == TEXT * 3
    assert "line 6" in next(file.notes())


@given(
    lines=st.lists(st.text(st.characters(exclude_characters="\r\n\ufeff\0", codec="utf-8")), min_size=1),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_lines_are_those_of_an_editor(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: str, encoding: str
) -> None:
    content = (end.join(["id", *lines]) + end).encode(encoding)
    file = TextFile(kept(tmp_path_factory.mktemp("text") / "a.csv", content))
    assert [line.removesuffix(end) for line in file.lines()] == ["id", *lines]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_line_ends_may_be_split_between_chunks(tmp_path: Path, encoding: str) -> None:
    text = "é\r\n" + "x" * (CHUNK_BYTES - 6) + "\r\n" + "ü" * CHUNK_BYTES + "\r\nend"
    path = kept(tmp_path / "a.csv", text.encode(encoding))
    assert list(TextFile(path).lines()) == text.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n \n", "is empty"),
        (b"PK\x03\x04\x14\x00", "an Excel workbook or a ZIP archive"),
        (b"\x1f\x8b\x08", "is compressed"),
        (b"id\n\x81\n", "line 2 is neither UTF-8 nor Windows-1252"),
        ("id\nä\n".encode("utf-16")[:-1], "not valid utf-16 after line 1"),
        (b"x" * (9 << 20), "line 1 is longer than 8 MiB"),
    ],
)
def test_unreadable_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        read(tmp_path / "leads.csv", content)
    with pytest.raises(CommandError, match="Unknown encoding 'klingon'"):
        read(tmp_path / "leads.csv", b"id", "klingon")
