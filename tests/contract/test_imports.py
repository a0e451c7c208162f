"""The request and response models can be used without the web framework."""

import pkgutil
import subprocess
import sys

import app.contract

MODULES = sorted(module.name for module in pkgutil.walk_packages(app.contract.__path__, "app.contract."))
PROGRAM = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(sorted({"fastapi", "starlette", "uvicorn"} & sys.modules.keys()))
"""


def test_contract_loads_no_web_framework() -> None:
    assert len(MODULES) > 5
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, *MODULES], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"
