"""`lead_assignment` is all that a strategy of another package imports, and it shows nothing internal."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import lead_assignment
from lead_assignment import Verdict, testing

ROOT = Path(__file__).parents[1]
PUBLIC = {"lead_assignment": lead_assignment.__all__, "lead_assignment.testing": testing.__all__}
INTERNAL = {"app", "devtools", "migrations", "tests"}
PAGE = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLE = sorted((ROOT / "examples" / "plugin-language").rglob("*.py"))
SOURCES = {"docs/strategies.md": "\n".join(BLOCKS)} | {
    str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in EXAMPLE
}


@pytest.mark.parametrize("name", PUBLIC)
def test_public_module_exports_no_internal_module(name: str) -> None:
    module = import_module(name)
    exported = {each: getattr(module, each) for each in module.__all__}
    assert exported
    assert not [each for each, value in exported.items() if isinstance(value, ModuleType)]
    assert not INTERNAL & set(dir(module))


def test_public_package_shows_only_what_it_exports() -> None:
    shown = {name for name in dir(lead_assignment) if not name.startswith("_")}
    # Submodules are attributes once something has imported them.
    assert shown - {"testing"} == set(lead_assignment.__all__)


def imports(source: str) -> Iterator[tuple[str, str]]:
    """Each module that a source imports from, and the name it takes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((each.name, "") for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", each.name) for each in node.names)


@pytest.mark.parametrize("source", SOURCES)
def test_documented_strategies_import_only_public_names(source: str) -> None:
    used = list(imports(SOURCES[source]))
    assert not [module for module, _ in used if module.split(".")[0] in INTERNAL]
    ours = [(module, name) for module, name in used if module.split(".")[0] == "lead_assignment"]
    assert [(module, name) for module, name in ours if name not in PUBLIC.get(module, ())] == []


def test_strategy_of_the_page_decides_with_facts_from_plain_records() -> None:
    (block,) = BLOCKS
    written: dict[str, type] = {}
    exec(block, written)
    strategy, config = written["EvenDay"](), written["EvenDayConfig"](owner="ana")
    facts = testing.build_facts(owners={"ana": {"name": "Ana"}}, open_leads={"ana": 2})
    assert facts.state.load("ana").open == 2
    verdict: Verdict = strategy.decide({}, facts, config)
    assert [(target.kind, target.name) for target in verdict.targets] == [("owner", "ana")]
