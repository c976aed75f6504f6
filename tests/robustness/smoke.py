# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the wheel and the sdist, and try both outside of the source tree.

    python tests/robustness/smoke.py

builds what is committed, in a temporary folder, with the packages of the
environment it runs in (``setuptools`` and ``build`` among them), installs
each without its dependencies into a folder of its own, and classifies the
nine patterns in kikuchipy's wheel there.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
TRY = """
import sys
from pathlib import Path

import kikuchipy as kp

import kikuchipy_symml

folder = Path(kikuchipy_symml.__file__).parent
assert folder.parent == Path(sys.argv[1]), folder
assert "tensorflow" not in sys.modules
for name in ("py.typed", "__init__.pyi", "weights/registry.json"):
    assert (folder / name).is_file(), name
assert kikuchipy_symml.list_models(), "no models"
phases = kp.data.nickel_ebsd_small().classify_symmetry(show_progressbar=False)
assert phases.navigation_shape == (3, 3)
assert (phases.phase_id >= 0).all()
print(kikuchipy_symml.__version__, "works:", phases.names)
"""


def run(*command: object, folder: Path, **environment: str) -> None:
    subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **environment},
        check=True,
    )


def main() -> None:
    python = sys.executable
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source"
        source.mkdir()
        archive = folder / "source.tar"
        run("git", "archive", "-o", archive, "HEAD", folder=ROOT)
        run("tar", "-xf", archive, folder=source)
        run(
            *(python, "-m", "build", "--no-isolation", "--outdir", folder),
            *("--sdist", "--wheel"),
            folder=source,
        )
        for kind in ("*.whl", "*.tar.gz"):
            (built,) = folder.glob(kind)
            target = folder / f"installed_{built.suffix[1:]}"
            run(
                *(python, "-m", "pip", "install", "--quiet", "--no-deps"),
                *("--no-build-isolation", "--target", target, built),
                folder=folder,
            )
            run(
                *(python, "-c", TRY, target),
                folder=folder,
                PYTHONPATH=str(target),
            )
            print(f"{built.name} ({built.stat().st_size} bytes): in order")


if __name__ == "__main__":
    main()
