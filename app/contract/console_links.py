"""Sign-in links to the console, as they are returned."""

from datetime import datetime

from pydantic import Field

from app.contract.responses import ResponseModel


class ConsoleLink(ResponseModel):
    """A link that signs an owner in. It is shown once, and only its hash is stored."""

    owner: str
    url: str = Field(description="The link. It works once. Give it to nobody but the owner.")
    expires_at: datetime = Field(description="Until when it works, ten minutes after it was made.")
