"""Every page of the console: who may open it, what they see of it, and what nobody sees."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from fastapi.routing import iter_route_contexts
from starlette.responses import Response

from app.api.http.auth import access_of, public
from app.console.route import ConsoleRoute
from app.console.router import routers
from app.main import create_app
from app.settings import Settings
from tests.console.pair import FOREIGN, ROLES, SAME_ORIGIN, Pair, signed_in
from tests.support.workspace import empty_workspace


@dataclass(frozen=True)
class Page:
    """A row of the matrix.

    route: the template of the path. `path` is the same with ids of the pair in braces, such as
           `/console/leads/{lead_of_ana}`, where they differ.
    opens: the roles that may open it; all others are refused in words.
    shows: texts that a role sees. `hides`: texts that it does not.
    unknown: the roles for which there is no such page, such as owners who have nothing to do with a lead.
    """

    route: str
    opens: Sequence[str]
    path: str = ""
    shows: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hides: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unknown: Sequence[str] = ()


READERS = ("admin", "manager", "reader")
REPS = ("rep", "other rep")
CLAIMERS = ("admin", "manager", *REPS)
TEAM = ("admin", "manager", "analyst", "operator", "reader")
PAGES: tuple[Page, ...] = (
    Page(
        "/console/today",
        TEAM,
        shows={
            "admin": ("Waiting leads", "partner-desk", "/console/today/figures"),
            "reader": ("partner-desk",),
        },
        hides={"reader": ("/console/today/figures",)},
    ),
    Page("/console/today/now", TEAM, shows={"operator": ("partner-desk",)}),
    Page(
        "/console/today/figures",
        ("admin", "manager", "analyst", "operator"),
        shows={"analyst": ("Arrivals", "Median response")},
    ),
    Page(
        "/console/today/findings",
        ("admin", "manager", "analyst", "operator"),
        shows={"admin": ("Findings",)},
    ),
    Page(
        "/console/leads",
        READERS,
        shows={
            "reader": (
                *("&lt;img src=x", "By turn in team Inbound.", "queue partner-desk"),
                *('<option value="ana">Ana</option>', '<option value="inbound">Inbound</option>'),
                '<option value="partner-desk">partner-desk</option>',
            )
        },
    ),
    Page(
        "/console/assignments/{assignment_id}",
        (*READERS, "rep"),
        path="/console/assignments/{assignment_of_ana}",
        shows={
            "manager": ("round robin", "p0@near.example", "Ben", "Why not"),
            "rep": ("got the lead", "not available", "p0@near.example"),
        },
        hides={"rep": ("could take it", "more open leads")},
        unknown=("other rep",),
    ),
    Page(
        "/console/assignments/{assignment_id}/path",
        (*READERS, "rep"),
        path="/console/assignments/{assignment_of_ana}/path",
        shows={"reader": ("reproduced", "students", "could take it"), "rep": ("reproduced", "not available")},
        hides={"rep": ("could take it",)},
        unknown=("other rep",),
    ),
    Page(
        "/console/assignments/{assignment_id}/why-not",
        (*READERS, "rep"),
        path="/console/assignments/{assignment_of_ana}/why-not",
        shows={
            "reader": (
                "3 owners",
                "Could have taken it; Ana was next in turn.",
                '<option value="ben">Ben</option>',
            ),
            "rep": ("3 owners", "got the lead", "Not available."),
        },
        hides={"rep": ("Could have", "next in turn", "<option")},
        unknown=("other rep",),
    ),
    Page(
        "/console/queues", (*CLAIMERS, "reader"), shows={"rep": ("partner-desk",)}, hides={"rep": (">held<",)}
    ),
    Page("/console/queues/now", (*CLAIMERS, "reader"), shows={"rep": ("partner-desk",)}),
    Page(
        "/console/queues/{name}",
        (*CLAIMERS, "reader"),
        path="/console/queues/partner-desk",
        shows={"rep": ("Claim the next lead", "By rule partners."), "manager": ("Claim", "Why it waits")},
        hides={"reader": ("/claim",), "rep": ("Why it waits",)},
    ),
    Page("/console/queues/{name}/now", (*CLAIMERS, "reader"), path="/console/queues/partner-desk/now"),
    Page("/console/my-leads", REPS, shows={"rep": ("&lt;img src=x")}),
    Page("/console/my-leads/now", REPS),
    Page(
        "/console/my-leads/{assignment_id}",
        ("rep",),
        path="/console/my-leads/{assignment_of_ana}",
        shows={"rep": ("mailto:p0@near.example", "I called")},
        unknown=("other rep",),
    ),
    Page("/console/leave", ("rep",), shows={"rep": ("First day", "Last day")}),
)
PLAN_READERS = ("admin", "manager", "operator", "reader", "planner")
PLAN_VERSION = "/console/plan/versions/{version}"
PAGES += (
    Page(
        "/console/plan",
        PLAN_READERS,
        shows={
            "admin": (
                "country is DE or AT",
                "goes to queue partner-desk",
                "/console/plan/hits",
                "Try a lead",
            ),
            "reader": ("country is DE or AT",),
        },
        hides={
            "reader": ("/console/plan/hits", "New draft", "Try a lead"),
            "planner": ("/console/plan/hits",),
        },
    ),
    Page(
        "/console/plan/hits",
        ("admin", "manager", "analyst", "operator"),
        shows={"analyst": ("arriving lead",)},
    ),
    Page("/console/plan/versions", PLAN_READERS, shows={"planner": ("Version 1", "active")}),
    Page(PLAN_VERSION, PLAN_READERS, path="/console/plan/versions/1", shows={"reader": ("students",)}),
    Page(
        f"{PLAN_VERSION}/check",
        PLAN_READERS,
        path="/console/plan/versions/1/check",
        shows={"planner": ("Findings", "This plan has no tests.")},
    ),
    Page(
        f"{PLAN_VERSION}/text",
        PLAN_READERS,
        path="/console/plan/versions/1/text",
        shows={"admin": ("pipeline",)},
    ),
    Page(f"{PLAN_VERSION}/changes", PLAN_READERS, path="/console/plan/versions/1/changes"),
    Page("/console/plan/new", ("admin", "planner"), shows={"planner": ("Store as a draft", "partner-desk")}),
    Page("/console/plan/try", ("admin", "sender"), shows={"sender": ("Try it", "Postal code")}),
)
DIRECTORY_READERS = ("admin", "manager", "operator", "reader")
PEOPLE = "/console/people"
PAGES += (
    Page(PEOPLE, DIRECTORY_READERS, shows={"reader": ("Ana", "available", "inbound")}),
    Page(f"{PEOPLE}/teams", DIRECTORY_READERS, shows={"operator": ("Inbound", "without special needs")}),
    Page(
        f"{PEOPLE}/teams/{{id}}",
        DIRECTORY_READERS,
        path=f"{PEOPLE}/teams/inbound",
        shows={
            "admin": ("Try a lead", "Change", "/console/people/shares"),
            "reader": ("For a lead without special needs, now:", "Balances"),
        },
        hides={"reader": ("Try a lead", "Change", "/console/people/shares")},
    ),
    Page(
        f"{PEOPLE}/teams/{{id}}/members/{{owner}}",
        ("admin", "manager"),
        path=f"{PEOPLE}/teams/inbound/members/ana",
    ),
    Page(
        f"{PEOPLE}/owners/{{id}}",
        DIRECTORY_READERS,
        path=f"{PEOPLE}/owners/ana",
        shows={"manager": ("Enter leave", "Save caps"), "reader": ("The next seven days",)},
        hides={"reader": ("Enter leave", "Save caps", "Change")},
    ),
    Page(
        f"{PEOPLE}/owners/{{id}}/passed-over",
        READERS,
        path=f"{PEOPLE}/owners/ana/passed-over",
        shows={"reader": ("Why others got leads",)},
    ),
    Page(
        f"{PEOPLE}/shares",
        ("admin", "manager", "analyst", "operator"),
        path=f"{PEOPLE}/shares?team=inbound",
        shows={"analyst": ("Share due and received", "Ana")},
    ),
)
REPORTERS = ("admin", "manager", "analyst", "operator")
SLA = "/console/reports/sla"
SAMPLE = "/console/reports/audit-sample"
PAGES += (
    Page(
        "/console/reports",
        REPORTERS,
        shows=dict.fromkeys(REPORTERS, ("Speed to lead", "How soon does a person", SAMPLE)),
    ),
    Page(
        "/console/reports/{report}",
        REPORTERS,
        path=f"{SLA}?group_by=owner&owner=ana",
        shows={
            "analyst": ("Group by", "Owner: ana", "Denominator", f"{SLA}/csv?group_by=owner&amp;owner=ana")
        },
    ),
    Page(
        "/console/reports/{report}/answer",
        REPORTERS,
        path="/console/reports/acceptance/answer?group_by=owner",
        shows={"operator": ("ana", "Acceptance by owner", "Complete.", "95 % intervals")},
    ),
    Page("/console/reports/diagnosis", REPORTERS, shows={"operator": ("Outcome", "Last 90 days")}),
    Page(
        "/console/reports/diagnosis/answer",
        REPORTERS,
        shows={"manager": ("Queue unattended", "too few"), "analyst": ("Owners are not compared",)},
        hides={"manager": ("Owners are not compared",)},
    ),
    Page(SAMPLE, REPORTERS, shows={"admin": ("Seed", "Week")}),
    Page(f"{SAMPLE}/list", REPORTERS, path=f"{SAMPLE}/list?n=5", shows={"admin": ("No decision was made",)}),
    Page(
        f"{SAMPLE}/decision",
        REPORTERS,
        path=f"{SAMPLE}/decision?week={{this_week}}&n=5&at=2",
        shows={"admin": ("Decision 2 of 5", "/console/assignments/", "at=3"), "analyst": ("leads:read",)},
        hides={"analyst": ("/console/assignments/",)},
    ),
)
OPERATIONS = "/console/operations"
JOBS = f"{OPERATIONS}/jobs"
JOB_READERS = ("admin", "manager", "operator", "reader", "sender")
ACTION_READERS = ("admin", "manager", "reader", "sender")
PAGES += (
    Page(
        OPERATIONS,
        ("admin", "manager", "operator"),
        shows={
            "operator": (
                "Unaccounted leads",
                "What waits for the worker",
                JOBS,
                "failed for good",
                "Look at the endpoints.",
            ),
            "admin": (f"{OPERATIONS}/endpoints", f"{OPERATIONS}/targets"),
        },
        hides={
            "operator": (f"{OPERATIONS}/endpoints", f"{OPERATIONS}/actions"),
            "manager": ("Unaccounted", f"{OPERATIONS}/targets"),
        },
    ),
    Page(f"{OPERATIONS}/now", ("admin", "operator"), shows={"operator": ("Messages to crm-writer",)}),
    Page(f"{OPERATIONS}/endpoints", ("admin",), shows={"admin": ("website", "generic")}),
    Page(
        f"{OPERATIONS}/endpoints/{{id}}",
        ("admin",),
        path=f"{OPERATIONS}/endpoints/website",
        shows={"admin": ("Deliveries", "failure")},
        hides={"admin": ("/forms/", "near.example")},
    ),
    Page(f"{OPERATIONS}/targets", ("admin",), shows={"admin": ("crm-writer", "crm.near.example", "sending")}),
    Page(
        f"{OPERATIONS}/targets/{{id}}",
        ("admin",),
        path=f"{OPERATIONS}/targets/crm-writer?state=dead",
        shows={"admin": ("messages",)},
    ),
    Page(
        f"{OPERATIONS}/actions",
        ACTION_READERS,
        shows={"admin": ("Resend selected",), "reader": ("needs a key with the scope ops",)},
        hides={"reader": ("Resend selected",), "sender": ("/console/leads/",)},
    ),
    Page(JOBS, JOB_READERS, shows={"reader": ("Reassign", "running")}),
    Page(f"{JOBS}/now", JOB_READERS, shows={"sender": ("Reassign",)}),
    Page(
        f"{JOBS}/{{job_id}}",
        JOB_READERS,
        path=f"{JOBS}/{{job}}",
        shows={"manager": ("Stop the job", "Ben moves on")},
        hides={"reader": ("Stop the job",)},
    ),
    Page(f"{JOBS}/{{job_id}}/now", JOB_READERS, path=f"{JOBS}/{{job}}/now"),
)
ALWAYS = ("/console", "/console/{rest:path}", "/console/reports/{report}/csv")
"""What every key opens: the way to its first page, and the page that says that there is none. And a file."""

ELSEWHERE = ("/console/leads/{lead_id}",)
"""What only leads to another page."""


def guarded_pages() -> set[str]:
    """The templates of all pages that need a session."""
    routes = [route for router in routers() for route in router.routes if isinstance(route, ConsoleRoute)]
    gets = [route for route in routes if "GET" in (route.methods or ())]
    return {route.path for route in gets if access_of(route.endpoint).scopes}


def test_every_page_has_a_row() -> None:
    assert guarded_pages() == {page.route for page in PAGES} | {*ALWAYS, *ELSEWHERE}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.route)
async def test_page_opens_for_its_scopes_and_shows_one_workspace(pair: Pair, page: Page) -> None:
    path = (page.path or page.route).format(**pair.ids)
    for role in ROLES:
        answer = await (await pair.as_(role)).get(path)
        expected = 200 if role in page.opens else 404 if role in page.unknown else 403
        assert answer.status_code == expected, (role, answer.status_code)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert [name for name in FOREIGN if name in answer.text] == [], role
        if expected == 403:
            assert "You cannot do this" in answer.text
        assert [text for text in page.shows.get(role, ()) if text not in answer.text] == [], role
        assert [text for text in page.hides.get(role, ()) if text in answer.text] == [], role


async def test_today_says_what_to_do_where_no_plan_is_active(pair: Pair) -> None:
    bare = await empty_workspace(pair.app.state.pool, "bare")
    browser = await signed_in(pair.app, bare.key)
    assert "Publish a plan</a> first" in (await browser.get("/console/today")).text
    assert "Publish a plan" not in (await (await pair.as_("admin")).get("/console/today")).text
    await browser.aclose()


async def test_first_page_is_one_that_the_key_opens(pair: Pair) -> None:
    found = {role: await (await pair.as_(role)).get("/console") for role in ROLES}
    assert {role: answer.headers.get("location") for role, answer in found.items()} == {
        **dict.fromkeys(ROLES, None),
        **dict.fromkeys(TEAM, "/console/today"),
        **dict.fromkeys(REPS, "/console/my-leads"),
        "planner": "/console/plan",
    }
    assert "Nothing to show for this key" in found["sender"].text


@public()
async def _broken(kind: str) -> Response:
    raise {"defect": RuntimeError("canary"), "away": ConnectionResetError("canary")}[kind]


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/console/", "/console"),
        ("/console/leads/", "/console/leads"),
        ("/console/people/owners/ana//", "/console/people/owners/ana"),
        ("/console//far.example/", "/console/far.example"),
        ("/console/a%3Fb%2F", "/console/a%3Fb"),
    ],
)
async def test_slash_too_many_leads_to_the_page_without_it(pair: Pair, path: str, page: str) -> None:
    answer = await (await pair.as_("reader")).get(path)
    assert (answer.status_code, answer.headers["location"]) == (308, page)


async def test_every_problem_is_a_page_and_for_scripts_a_part_of_one(pair: Pair) -> None:
    pair.app.router.routes.insert(0, ConsoleRoute("/console/broken/{kind}", _broken))
    for method, path, status, sentence in (
        ("GET", "/console/nowhere/at-all", 404, "There is no such page"),
        ("POST", "/console/nowhere", 405, "This page does not take that"),
        ("GET", "/console/leads?state=odd", 422, "state"),
        ("GET", "/console/operations/targets", 403, "You cannot do this"),
        ("GET", "/console/broken/away", 503, "The database is unavailable"),
        ("GET", "/console/broken/defect", 500, "Something went wrong"),
    ):
        for headers in ({}, {"HX-Request": "true"}):
            browser = await pair.as_("reader")
            answer = await browser.request(
                method, path, headers={**SAME_ORIGIN, **headers, "X-Request-Id": "one"}
            )
            assert (answer.status_code, answer.headers["content-type"]) == (
                status,
                "text/html; charset=utf-8",
            ), path
            assert (
                "form-action 'self'" in answer.headers["content-security-policy"],
                "canary" in answer.text,
            ) == (True, False)
            assert ("<html" in answer.text, "data-problem" in answer.text) == (not headers, bool(headers))
            assert sentence in answer.text or headers, answer.text
            if not headers or status >= 500:
                assert re.search("Request id (<code>)?one", answer.text), path


def test_the_console_can_be_off_and_is_in_no_description_of_the_api() -> None:
    paths = {
        on: {str(each.path) for each in iter_route_contexts(create_app(Settings(console=on)).routes)}
        for on in (True, False)
    }
    assert {path for path in paths[True] - paths[False] if not path.startswith("/console")} == set()
    assert [path for path in paths[False] if path.startswith("/console")] == []
    assert [path for path in create_app(Settings()).openapi()["paths"] if path.startswith("/console")] == []
