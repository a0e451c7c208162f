"""Documents are stored compressed, and read back to the byte."""

from hashlib import sha256

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store import stored_bytes
from app.store.stored_bytes import pack, unpack
from tests.support.workspace import Workspace

DICTIONARY_1 = "a1ce8a508037890c108f69ac33b270fef8c4f17cf2756e2bb85cd05a1e597f34"
"""Every stored document needs it. A better dictionary is another file, with another format byte."""


@given(st.binary())
def test_a_document_is_read_back_to_the_byte(document: bytes) -> None:
    assert unpack(pack(document)) == document


def test_uncompressed_json_is_read_unchanged() -> None:
    assert unpack(b'{"a": 1}') == b'{"a": 1}'


def test_the_dictionary_never_changes() -> None:
    assert sha256(stored_bytes.DICTIONARY.as_bytes()).hexdigest() == DICTIONARY_1


@pytest.mark.parametrize("stored", [b"\x01", b"\x01{}", pack(b'{"a": 1}')[:-2]])
def test_a_damaged_document_is_an_error(stored: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack(stored)


async def test_a_decision_of_a_team_of_twenty_is_stored_in_a_quarter(workspace: Workspace) -> None:
    for number in range(20):
        await workspace.put("owners", f"rep-{number}", {"name": f"Rep {number}"})
    await workspace.put("teams", "inbound", {"members": [{"owner": f"rep-{number}"} for number in range(20)]})
    answer = await workspace.assign(external_id="a")
    (row,) = await workspace.pool.fetch(
        "SELECT response, inputs FROM assignments WHERE id = $1", answer["assignment_id"]
    )
    plain = {name: unpack(stored) for name, stored in row.items()}
    assert orjson.loads(plain["response"]) == answer
    assert sum(map(len, row.values())) < sum(map(len, plain.values())) / 4
