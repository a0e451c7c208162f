"""Templates are compiled before a page needs them."""

from app.console.rendering import ENVIRONMENT, load_templates


async def test_all_templates_are_compiled_beside_the_event_loop() -> None:
    await load_templates()
    assert ENVIRONMENT.cache is not None
    compiled = {name for _, name in ENVIRONMENT.cache.keys()}  # noqa: SIM118 - not a dictionary
    assert compiled == set(ENVIRONMENT.list_templates())
