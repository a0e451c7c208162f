"""What a check knows of the service in which a plan is to run."""

from dataclasses import dataclass

from app.plan_check.parse import Strategies


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The strategies of a service, and the code that says why it makes no sign-in links, if so."""

    strategies: Strategies
    no_links: str | None = None
