"""Try a lead: what the active plan and another version would decide about it now, side by side."""

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.parameters import MAX_INT32, CapabilitiesParameter, DispatchParameter, PoolParameter
from app.api.routes.plans import KeptParameter, try_version
from app.console.availability import in_words
from app.console.forms import Form, FormParameter
from app.console.names import Names, names_of
from app.console.pages.plan import plans_of
from app.console.rendering import render
from app.console.route import ConsoleRoute
from app.console.viewer import Viewer, ViewerParameter
from app.console.words import failed
from app.console.words import step as step_in_words
from app.contract.faults import validation_failed
from app.contract.plans import LeadToTry
from app.engine.explain import codes
from app.errors import Fault, NotFound, ValidationFailed, refused_at
from app.plan.language.fields import TRIGGERS
from app.plans import versions
from app.store.connection.pool import Pool

router = APIRouter(route_class=ConsoleRoute)
MAX_VERSIONS = 25
MAX_CANDIDATES = 50
FIELDS = (
    "email", "company", "country", "state", "postal_code", "language", "employees", "industry", "title",
    "lead_type", "source", "campaign",
)  # fmt: skip
"""The fields that the form asks one by one; all others are lines of `more`."""
IDENTITY = ("external_id", "email", "phone", "crm", "company")
"""Of these a lead needs one."""
LISTS = frozenset(("product_interest", "pages", "content", "flags"))
Version = Annotated[int | None, Query(ge=1, le=MAX_INT32)]


@router.get("/console/plan/try")
@requires("assign")
async def get_try(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, version: Version = None
) -> Response:
    """Shows the form. Its answer stands below."""
    found, active = await versions.newest(pool, viewer.caller.workspace_id, MAX_INT32, MAX_VERSIONS)
    others = [each.version for each in found if each.version != active]
    drafts = [each.version for each in found if each.version > active]
    context = {
        "active": active,
        "others": others,
        "chosen": version if version in others else (drafts[0] if drafts else None),
        "fields": FIELDS,
        "triggers": TRIGGERS,
    }
    return render(request, "plan/try.html", context)


@router.post("/console/plan/try")
@requires("assign", decides_leads=True)
async def try_lead(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    capabilities: CapabilitiesParameter,
    kept: KeptParameter,
    form: FormParameter,
) -> Response:
    """Decides a lead with the active plan and with another version, and stores nothing."""
    lead = _lead_of(form)
    workspace_id = viewer.caller.workspace_id
    active = await plans_of(request).active_version(workspace_id)
    numbers = [number for number in dict.fromkeys((active, _version(form))) if number]
    if not numbers:
        raise NotFound("No plan is active. Publish one first, or choose a draft.")
    tried = []
    for number in numbers:
        reply = await try_version(viewer.caller, pool, dispatch, capabilities, kept, number, lead)
        tried.append(_shown(number, orjson.loads(reply.body), is_active=number == active))
    same = len(tried) == 2 and all(tried[0][name] == tried[1][name] for name in ("place", "owner", "reason"))
    names = await _names(pool, viewer, tried)
    return render(request, "plan/tried.html", {"tried": tried, "same": same, "names": names})


async def _names(pool: Pool, viewer: Viewer, tried: Sequence[Mapping[str, Any]]) -> Names:
    """The names of the owners and teams in the decisions."""
    targets = [target for each in tried for step in each["steps"] for target in step["targets"]]
    owners = [one["owner"] for target in targets for one in target["candidates"]]
    teams = [name for each in (*tried, *targets) for kind, name in each["place"] if kind == "team"]
    owners += [name for target in targets for kind, name in target["place"] if kind == "owner"]
    return await names_of(pool, viewer, owners, teams)


def _version(form: Form) -> int:
    """The version to compare with; 0 for none."""
    text = form.text("version", max_length=10) or "0"
    if not text.isdecimal() or int(text) > MAX_INT32:
        raise refused_at(("version",), "not_allowed", "must be a version of the plan")
    return int(text)


def _lead_of(form: Form) -> LeadToTry:
    """The lead of the form, checked as the API checks it. Raises ValidationFailed at the form's fields."""
    fields: dict[str, Any] = {name: text for name in FIELDS if (text := form.text(name))}
    fields |= _more(form.text("more", max_length=10_000))
    if not fields:
        raise refused_at(("email",), "required", "fill in at least one field of the lead")
    if not any(name in fields for name in IDENTITY):
        fields["external_id"] = f"try-{token_hex(8)}"  # somebody who is nobody else
    trigger = form.text("trigger") or "form"
    try:
        return LeadToTry.model_validate({"lead": fields, "trigger": trigger})
    except ValidationError as refused:
        faults = [_at_field(each) for each in validation_failed(refused).faults]
        raise ValidationFailed(faults=faults) from None


def _more(text: str) -> dict[str, Any]:
    """Lines such as `consent.email: yes` and `attributes.budget: 5000` as fields of a lead."""
    fields: dict[str, Any] = {}
    for line in filter(str.strip, text.splitlines()):
        name, colon, value = map(str.strip, line.partition(":"))
        if not name or not colon or not value:
            raise refused_at(
                ("more",),
                "invalid_format",
                "each line must be a field and its value, such as phone: +49 30 1",
            )
        first, _, rest = name.partition(".")
        if rest:
            below = fields.setdefault(first, {})
            if not isinstance(below, dict):
                raise refused_at(("more",), "invalid_format", f"has both {first} and {first}.{rest}")
            below[rest] = value
        else:
            fields[first] = [each.strip() for each in value.split(",")] if first in LISTS else value
    return fields


def _at_field(fault: Fault) -> Fault:
    """A fault of the lead at the field of the form that holds it."""
    path = fault.path[1:] if fault.path[:1] == ("lead",) else fault.path
    if path and path[0] in FIELDS:
        return Fault(path, fault.code, fault.detail)
    name = ".".join(map(str, path))
    return Fault(("more",), fault.code, f"{name} {fault.detail}")


def _shown(number: int, decision: dict[str, Any], *, is_active: bool) -> dict[str, Any]:
    """A decision as the page shows it: where the lead goes, why, and the path to it."""
    owner = decision["owner"]
    places = [(kind, decision[kind]) for kind in ("team", "queue", "path", "block") if decision[kind]]
    return {
        "number": number,
        "is_active": is_active,
        "outcome": decision["outcome"],
        "owner": owner["name"] or owner["id"] if owner else None,
        "place": places,
        "reason": decision["reason"]["text"],
        "sla": decision["sla"],
        "existing": decision["existing_lead"],
        "steps": [_step(each) for each in decision["trace"]["steps"]],
        "not_evaluated": decision["trace"].get("not_evaluated", 0),
        "actions": [each["type"].replace("_", " ") for each in decision["actions"]],
    }


def _step(step: dict[str, Any]) -> dict[str, Any]:
    condition = step.get("failed_condition")
    return {
        "name": step["step"],
        "code": step["code"],
        "text": step_in_words(step["code"]),
        "failed": failed(condition) if condition else None,
        "labels": step.get("labels") or {},
        "targets": [_target(each) for each in step.get("targets", ())],
    }


def _target(target: dict[str, Any]) -> dict[str, Any]:
    ((kind, name),) = target["target"].items()
    return {
        "place": [(kind, name if isinstance(name, str) else "")],
        "text": codes.TARGETS.get(target["code"]) or in_words(target["code"]),
        "candidates": [
            {**each, "words": in_words(each["code"])}
            for each in target.get("candidates", ())[:MAX_CANDIDATES]
        ],
    }
