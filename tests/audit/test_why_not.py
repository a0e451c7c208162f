"""Why not Ben? Everybody gets an answer, also the absent; one owner learns nothing of the others."""

from datetime import timedelta
from typing import Any

from tests.console.pair import add_key
from tests.support.workspace import Workspace

WITH_EXCLUSION = """
queues: {unrouted: {}}
pipeline:
  - rule: {name: polish, when: {language: pl}, then: {team: ten, languages: [pl]}}
  - round_robin: {team: ten}
"""
HOURS = {"timezone": "Europe/Berlin", "hours": "Mo-Fr 20:00-22:00"}
OWNERS: dict[str, dict[str, Any]] = {
    "ana": {"languages": ["pl"]},
    "ben": {"caps": {"per_day": 1}, "timezone": "Europe/Berlin"},
    "cem": {},
    "dan": {"paused_until": "2030-11-22T12:00:00Z"},
    "eva": {"calendar": "evening", "timezone": "Europe/Berlin"},
    "fay": {},
    "gus": {},
    "hal": {},
    "ida": {},
    "jon": {},
}
AWAY = {"cem": "2030-11-21T12:00:00Z", "ida": "2030-12-24T00:00:00Z"}


async def test_each_of_ten_has_an_answer_and_a_rep_learns_only_their_own(workspace: Workspace) -> None:
    now = await workspace.start_at_noon()
    await workspace.put("calendars", "evening", HOURS)
    for id_, body in OWNERS.items():
        await workspace.put("owners", id_, {"name": id_.title(), **body})
    members = [{"owner": id_, "weight": 5 if id_ == "dan" else 1} for id_ in OWNERS]
    await workspace.put("teams", "ten", {"name": "Ten", "members": members})
    for id_, until in AWAY.items():
        away = {"from": (now - timedelta(days=1)).isoformat(), "to": until, "kind": "surgery"}
        answer = await workspace.client.post(f"/owners/{id_}/absences", json=away)
        assert answer.status_code == 201, answer.text
    await workspace.publish(WITH_EXCLUSION)
    first = {(await workspace.assign(external_id=f"x{n}"))["owner"]["id"]: n for n in range(6)}
    assert set(first) == {"ana", "ben", "fay", "gus", "hal", "jon"}

    moved = (
        await workspace.client.post("/reassign", json={"external_id": f"x{first['fay']}", "exclude": ["fay"]})
    ).json()
    await workspace.put("owners", "kim", {"name": "Kim"})
    found = await workspace.get(f"/assignments/{moved['assignment_id']}/why-not")
    chosen = moved["owner"]["id"]
    said = {each["owner"]: (each["code"], each["text"]) for each in found["items"]}
    passed = ("not_next", f"Could have taken it; {chosen.title()} was next in turn.")
    others = ("not_considered", "Not in a team that this decision considered.")
    assert said == {
        **dict.fromkeys(("ana", "gus", "hal", "jon"), passed),
        chosen: ("chosen", "Got the lead."),
        "ben": ("cap_day", "At the daily cap, frees 00:00 Berlin; was not next anyway."),
        "cem": ("absent", "Absent until 12:00 UTC; was not next anyway."),
        "ida": ("absent", "Absent until 24 Dec 2030, 00:00 UTC; was not next anyway."),
        "dan": ("paused", "Paused until 22 Nov 2030, 12:00 UTC; would have been next."),
        "eva": ("off_shift", "Off shift until 20:00 Berlin; was not next anyway."),
        "fay": ("excluded", "Had this lead before."),
        "eve": others,
        "kim": ("not_there_yet", "Was not in the directory then."),
    }
    assert (found["total"], found["next"], found["items"][0]["code"]) == (len(said), None, "chosen")
    url = f"/assignments/{moved['assignment_id']}/why-not"
    paged = [(await workspace.get(f"{url}?limit=7&after={after}"))["items"] for after in (0, 7)]
    assert paged[0] + paged[1] == found["items"]
    assert (await workspace.get(f"{url}?owner=ben"))["items"] == [
        each for each in found["items"] if each["owner"] == "ben"
    ]
    assert (await workspace.client.get(f"{url}?owner=nobody")).status_code == 422

    counted = await workspace.get("/owners/ben/passed-over")
    assert (counted["decisions"], counted["reasons"]) == (7, {"cap_day": 5, "not_next": 1, "chosen": 1})
    assert (await workspace.get("/owners/ben/passed-over?limit=1"))["reasons"] == {"cap_day": 1}

    key = await add_key(workspace, ("leads:read",), chosen)
    async with workspace.caller(key) as rep:
        seen = (await rep.get(url)).json()["items"]
        assert {each["owner"] for each in seen} == set(said)
        assert {each["code"] for each in seen if each["owner"] != chosen} == {"not_available"}
        for path in ("", "/explain", "/why-not"):
            text = (await rep.get(f"/assignments/{moved['assignment_id']}{path}")).text
            assert [word for word in ("absent", "surgery", "2030-12-24", "cap_day") if word in text] == [], (
                path
            )


async def test_what_the_lead_needs_is_named(workspace: Workspace) -> None:
    for id_ in ("ana", "ben"):
        await workspace.put("owners", id_, {"name": id_.title(), **OWNERS[id_]})
    await workspace.put("teams", "ten", {"name": "Ten", "members": [{"owner": "ana"}, {"owner": "ben"}]})
    await workspace.publish(WITH_EXCLUSION)
    decided = await workspace.assign(external_id="p", language="pl")
    found = await workspace.get(f"/assignments/{decided['assignment_id']}/why-not")
    assert {each["owner"]: each["text"] for each in found["items"][:2]} == {
        "ana": "Got the lead.",
        "ben": "Speaks no Polish.",
    }
