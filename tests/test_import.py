# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What importing the package loads, and which part may import which."""

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import kikuchipy_symml

PACKAGE = Path(kikuchipy_symml.__file__).parent

# What the modules of each part may import of the package. What is not
# named here is the package's outside, which may import everything.
BELOW = {
    "symmetry": set(),
    "pattern": set(),
    "models": {"pattern", "symmetry"},
    "classify": {"models", "pattern", "symmetry"},
    "crystals": {"symmetry"},
    "simulation": {"crystals", "pattern", "symmetry"},
    # Fitting takes users' signals as classification does.
    "training": {
        "classify",
        "crystals",
        "models",
        "pattern",
        "simulation",
        "symmetry",
    },
}


def loaded_after(statement: str) -> set[str]:
    """Return the modules that a new Python loads for a statement."""
    code = f"import sys\n{statement}\nprint(*sys.modules, sep='\\n')"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    return set(process.stdout.split())


class TestLightImport:
    def test_no_tensorflow(self):
        modules = loaded_after(
            "import kikuchipy_symml\n"
            "for name in kikuchipy_symml.__all__:\n"
            "    getattr(kikuchipy_symml, name)"
        )
        assert "kikuchipy.signals.ebsd" in modules
        assert "kikuchipy_symml.symmetry" in modules
        assert not {"tensorflow", "keras", "torch", "jax"} & modules

    def test_using_a_model_loads_nothing_of_training(self, untrained_model):
        modules = loaded_after(
            "import kikuchipy as kp, kikuchipy_symml\n"
            "s = kp.data.nickel_ebsd_small().inav[:1, 0]\n"
            f"s.classify_symmetry({str(untrained_model)!r},"
            " show_progressbar=False)"
        )
        assert "keras" in modules
        for part in ("crystals", "simulation", "training"):
            assert f"kikuchipy_symml.{part}" not in modules


class TestPublicNames:
    def test_all_are_there(self):
        for name in kikuchipy_symml.__all__:
            assert getattr(kikuchipy_symml, name) is not None
        assert set(kikuchipy_symml.__all__) <= set(dir(kikuchipy_symml))

    def test_unknown_name(self):
        with pytest.raises(AttributeError, match="no_such_name"):
            _ = kikuchipy_symml.no_such_name

    def test_version(self):
        installed = importlib.metadata.version("kikuchipy_symml")
        assert kikuchipy_symml.__version__ == installed

    def test_is_typed(self):
        assert (PACKAGE / "py.typed").exists()


def imported_parts(path: Path) -> set[str]:
    """Return the parts of the package that a module file imports."""
    parts = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            root, _, rest = name.partition(".")
            if root == "kikuchipy_symml" and rest:
                parts.add(rest.split(".")[0])
    return parts & set(BELOW)


@pytest.mark.parametrize("part", BELOW)
def test_imports_go_down_only(part):
    wrong = {
        f"{path.relative_to(PACKAGE)} imports {other}"
        for path in (PACKAGE / part).rglob("*.py")
        for other in imported_parts(path) - BELOW[part] - {part}
    }
    assert not wrong
