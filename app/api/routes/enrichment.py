"""`/enrichment`: the secrets of providers, and which of them fail."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request

from app.api.http.auth import requires
from app.api.http.json_response import Json, NoContent
from app.api.http.parameters import CallerParameter, PoolParameter
from app.api.http.routing import StrictRoute
from app.api.routes.crud import created
from app.contract.enrichment import EnrichmentState, ProviderSecretInfo, ProviderSecretInput
from app.errors import NotFound, SecretsKeyMissing, refused_at
from app.outbox.safe_http import AddressRefused, parse_url
from app.secrets import fingerprint
from app.store.clocks import read_deciding_now
from app.store.connection.pool import transaction
from app.store.enrichment import breakers, open_breakers, secrets
from app.store.enrichment.secrets import ProviderSecret
from app.store.path.journal import read_plan_version

router = APIRouter(route_class=StrictRoute, tags=["enrichment"])
Id = Annotated[str, Path(min_length=1, max_length=255, description="The name in the plan.")]
HTTPS = 443
_HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")


@router.get("/enrichment")
@requires("admin")
async def get_enrichment_state(caller: CallerParameter, pool: PoolParameter) -> Json[EnrichmentState]:
    """Returns the secrets of providers, without what they are, and which providers of the plan fail."""
    async with transaction(pool, caller.workspace_id, read_only=True) as connection:
        stored = await secrets.list_secrets(connection, caller.workspace_id)
        version = await read_plan_version(connection, caller.workspace_id)
        of_plan = {
            each.provider
            for each in await open_breakers.list_failing(connection, caller.workspace_id, version)
        }
        failing = await breakers.list_breakers(connection, caller.workspace_id)
        now = await read_deciding_now(connection, caller.workspace_id)
    return Json(
        {
            "secrets": [_to_json(each) for each in stored],
            "failing": [
                {
                    "provider": each.provider,
                    "state": "open"
                    if each.is_open(now)
                    else "half_open"
                    if each.wants_probe(now)
                    else "failing",
                    "code": each.code,
                    "failures": each.failures,
                    "failed_at": each.failed_at,
                    "open_until": each.open_until,
                }
                for each in failing.values()
                if each.provider in of_plan
            ],
        }
    )


@router.put("/enrichment/secrets/{id}", responses=created(ProviderSecretInfo))
@requires("admin", problems=(SecretsKeyMissing,))
async def set_provider_secret(
    request: Request, caller: CallerParameter, pool: PoolParameter, id: Id, body: ProviderSecretInput
) -> Json[ProviderSecretInfo]:
    """Sets a secret that a provider is called with. It is sent to this host only."""
    secret = body.secret.get_secret_value()
    if not _HEADER_VALUE.fullmatch(secret):
        raise refused_at(("secret",), "invalid_format", "must be the value of a header, in ASCII")
    try:
        url = parse_url(f"https://{body.host}/")
        if url.path != "/" or url.port != HTTPS:
            raise AddressRefused("invalid_format", "")
    except AddressRefused as refused:
        raise refused_at(("host",), refused.code, "must be the name of a host") from None
    host = url.host
    sealed = request.app.state.secret_box.encrypt(secret.encode())
    async with transaction(pool, caller.workspace_id) as connection:
        stored, new = await secrets.put_secret(
            connection, caller.workspace_id, id, host, sealed, fingerprint(secret.encode())
        )
    return Json(_to_json(stored), 201 if new else 200)


@router.delete("/enrichment/secrets/{id}", status_code=204)
@requires("admin")
async def delete_provider_secret(caller: CallerParameter, pool: PoolParameter, id: Id) -> NoContent:
    """Deletes a secret. Providers that need it are not called."""
    async with transaction(pool, caller.workspace_id) as connection:
        if not await secrets.delete_secret(connection, caller.workspace_id, id):
            raise NotFound()
    return NoContent()


def _to_json(stored: ProviderSecret) -> dict[str, Any]:
    return {
        "id": stored.name,
        "host": stored.host,
        "fingerprint": stored.fingerprint,
        "updated_at": stored.created_at,
    }
