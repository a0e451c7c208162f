"""Who covers for an owner on leave."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.model.directory import Cover
from app.engine.selection.covers import MAX_COVERS, cover_of
from tests.support.decisions import NOW, facts

HOUR = timedelta(hours=1)


def away(absent: str, **cover: str) -> dict[str, Any]:
    """An absence that is on."""
    start, end = ((NOW + each).isoformat() for each in (-HOUR, HOUR))
    return {"owner": absent, "from": start, "to": end, "cover": cover or None}


def covers(links: Mapping[str, str], absent: set[str], *, inactive: str = "") -> Cover | None:
    """Who covers for ana, where each absent owner names a cover."""
    names = {"ana", *links, *links.values()}
    owners = {name: {"active": name != inactive} for name in names}
    gone = [away(name, **({"owner": links[name]} if name in links else {})) for name in sorted(absent)]
    return cover_of("ana", facts(owners, absences=gone).directory, NOW)


@pytest.mark.parametrize(
    ("links", "absent", "found"),
    [
        ({"ana": "ben"}, {"ana"}, "ben"),
        ({"ana": "ben"}, set(), None),
        ({"ana": "ben", "ben": "cem"}, {"ana", "ben"}, "cem"),
        ({"ana": "ben"}, {"ana", "ben"}, None),
        ({"ana": "ben", "ben": "ana"}, {"ana", "ben"}, None),
        ({"ana": "ben", "ben": "cem", "cem": "ben"}, {"ana", "ben", "cem"}, None),
    ],
    ids=["present", "not away", "along the covers", "no cover of the cover", "circle", "circle of others"],
)
def test_first_present_owner_along_the_covers_covers(
    links: dict[str, str], absent: set[str], found: str | None
) -> None:
    assert covers(links, absent) == (Cover("owner", found) if found else None)


def test_inactive_cover_covers_for_nobody() -> None:
    assert covers({"ana": "ben"}, {"ana"}, inactive="ben") is None


def test_team_covers_as_a_whole() -> None:
    found = facts({"ana": {}}, absences=[away("ana", team="emea")])
    assert cover_of("ana", found.directory, NOW) == Cover("team", "emea")


@pytest.mark.parametrize(("length", "ends"), [(MAX_COVERS, True), (MAX_COVERS + 1, False)])
def test_chain_of_covers_ends_after_ten(length: int, ends: bool) -> None:
    names = ["ana", *(f"rep{number}" for number in range(length))]
    links = dict(pairwise(names))
    found = covers(links, set(names[:-1]))
    assert found == (Cover("owner", names[-1]) if ends else None)


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef"))
)
def test_cover_is_present_whatever_the_covers_are(links: dict[str, str], absent: set[str]) -> None:
    found = covers({"ana": "a", **links}, {"ana", *absent})
    assert found is None or (found.name not in absent and found.name != "ana")
