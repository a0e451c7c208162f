"""Broken files end with a message or with faults by line, never with another exception."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.context import CommandError
from app.cli.files.columns import ColumnOptions, UnknownColumns
from app.cli.files.leads import LeadOptions, open_leads
from app.cli.files.rows import read_file
from app.cli.files.table import read

PIECES = st.sampled_from(
    (
        b"Email", b"id", b",", b";", b"\t", b'"', b"\n", b"\r", b"\r\n", b"a@b.example", b"{", b"}", b":",
        b"[", b"]", b'{"email":"a@b.example"}', b"\0", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xe9",
        b"\x81", b"=", b"1.5",
    )
)  # fmt: skip
CONTENT = st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=20).map(b"".join))


@given(content=CONTENT, name=st.sampled_from(["a.csv", "a.tsv", "a.ndjson", "a.json"]))
def test_any_content_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    columns = ColumnOptions(unknown=UnknownColumns.ATTRIBUTES)
    for action in (
        lambda: list(open_leads(path, LeadOptions(columns)).entries()),
        lambda: read_file(path, "teams"),
        lambda: read(path),
    ):
        with suppress(CommandError):
            action()
