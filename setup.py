"""Builds the wheel so that it installs one package, `lead_assignment`, and collides with no other `app`.

In a checkout the internal packages stand at the top. In the wheel they stand in `lead_assignment/_internal`,
and their imports name them there. An editable install keeps the checkout as it is. See
docs/decisions/0017-one-package-in-the-wheel.md.
"""

import re
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.egg_info import egg_info

PUBLIC = "lead_assignment"
INTERNAL = ("app", "devtools", "migrations")
INTERNAL_PACKAGE = f"{PUBLIC}._internal"
IMPORT = re.compile(rf"^(\s*(?:from|import) )(?=(?:{'|'.join(INTERNAL)})\b)", re.MULTILINE)
BARE_IMPORT = re.compile(rf"^\s*import (?:{'|'.join(INTERNAL)})\b(?!.* as )", re.MULTILINE)


class BuildWheelLayout(build_py):
    """Moves the internal packages into the public one, after they were built."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        root = Path(self.build_lib)
        internal = root.joinpath(*INTERNAL_PACKAGE.split("."))
        shutil.rmtree(internal, ignore_errors=True)
        internal.mkdir(parents=True)
        (internal / "__init__.py").write_text('"""Internal: nothing here is meant to be imported."""\n')
        for name in INTERNAL:
            if (root / name).exists():
                shutil.move(root / name, internal / name)
        for file in (root / PUBLIC).rglob("*.py"):
            _rewrite_imports(file)


class NameTopLevel(egg_info):
    """Names in the metadata the one package that the wheel installs."""

    def run(self) -> None:
        super().run()
        self.write_file("top-level names", str(Path(self.egg_info, "top_level.txt")), f"{PUBLIC}\n")


def _rewrite_imports(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if found := BARE_IMPORT.search(text):
        raise SystemExit(
            f"{file}: write {found[0].strip()!r} as `from … import …`, so that the wheel can move it"
        )
    file.write_text(IMPORT.sub(rf"\g<1>{INTERNAL_PACKAGE}.", text), encoding="utf-8")


setup(cmdclass={"build_py": BuildWheelLayout, "egg_info": NameTopLevel})
