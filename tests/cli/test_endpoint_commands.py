"""Commands about endpoints and the keys that encrypt their secrets."""

from collections.abc import AsyncIterator

import pytest_asyncio

from app.secrets import SecretBox, new_key
from tests.support.shell import Shell
from tests.support.workspace import Workspace, stored_workspace

STORED = """
SELECT (SELECT path FROM webhook_paths WHERE workspace_id = $1) AS path,
       (SELECT array_agg(secret ORDER BY created_at) FROM endpoint_secrets WHERE workspace_id = $1) AS secrets
"""


@pytest_asyncio.fixture
async def office(database: str) -> AsyncIterator[Workspace]:
    """A workspace without anything in it."""
    async with stored_workspace(database) as workspace:
        yield workspace


async def test_endpoint_is_created_listed_and_its_secrets_are_encrypted_anew(
    office: Workspace, shell: Shell
) -> None:
    old, new = new_key(), new_key()
    shell.variables["LEAD_ASSIGNMENT_SECRETS_KEY"] = old
    made = shell.says(
        "endpoints", "create", "hubspot", "--base-url", "https://crm.example/", given="the secret\n"
    )
    assert made.startswith("https://crm.example/webhooks/")
    assert shell.says("endpoints", "secrets", "add", "hubspot", given="another one\n").startswith("Added")
    assert shell.says("endpoints", "list") == "hubspot\thubspot\tactive\t2 secrets\n"
    assert "already" in shell.refuses("endpoints", "create", "hubspot", "--no-secret")
    assert "No endpoint 'x'" in shell.refuses("endpoints", "secrets", "add", "x", given="another one\n")

    shell.variables["LEAD_ASSIGNMENT_SECRETS_KEY"] = f"{new},{old}"
    assert shell.says("secrets", "rotate") == "Encrypted 3 secrets with the first key.\n"

    (row,) = await office.fetch(STORED)
    box = SecretBox([new])
    assert [box.decrypt(each) for each in row["secrets"]] == [b"the secret", b"another one"]
    assert made.strip().endswith(box.decrypt(row["path"]).decode())


def test_generated_keys_are_keys(shell: Shell) -> None:
    key = shell.says("secrets", "generate").strip()
    assert SecretBox([key]).decrypt(SecretBox([key]).encrypt(b"x")) == b"x"


async def test_a_body_is_tried_with_a_mapping_that_can_be_read(office: Workspace, shell: Shell) -> None:
    shell.directory.joinpath("body.json").write_text('{"who": {"mail": "mara@kunde.example"}}')
    mapping = shell.directory.joinpath("mapping.json")
    mapping.write_text('{"fields": {"email": "$.who.mail"}}')
    trial = ("forms", "try", "body.json", "--kind", "generic", "--mapping", "mapping.json")
    assert '"email": "mara@kunde.example"' in shell.says(*trial)
    mapping.write_text('{"fields": {"email": "$..mail"}}')
    assert "mapping.fields.email: must be a path" in shell.refuses(*trial)
    assert "--workspace" in shell.refuses(*trial, "--endpoint", "web")
