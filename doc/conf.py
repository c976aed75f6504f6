# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Sphinx."""

import os
import sys
import urllib.request
from pathlib import Path

# Before any import: no window for plots, no chatter from TensorFlow.
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import kikuchipy_symml

# Sphinx-gallery imports what is named below as _gallery.*
sys.path.insert(0, str(Path(__file__).parent))

project = "kikuchipy_symml"
author = "The kikuchipy_symml developers"
copyright = f"2026, {author}"
release = version = kikuchipy_symml.__version__

extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
# Sphinx-gallery leaves the source of each page beside it.
templates_path = ["_templates"]
exclude_patterns = [
    "_build",
    "_templates",
    "examples/*.py",
    "examples/*.ipynb",
]
html_theme = "pydata_sphinx_theme"
html_title = project
html_theme_options = {"show_toc_level": 2, "logo": {"text": project}}
# Pages that have no others below them need no list of these.
html_sidebars = {
    page.stem: []
    for page in Path(__file__).parent.glob("*.rst")
    if page.stem != "reference"
}
html_static_path = []
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
nitpicky = False
# The column beside a page is too narrow for names with their class.
toc_object_entries_show_parents = "hide"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "_gallery.ReadingOrder",
    "reset_modules": ("matplotlib", "_gallery.quiet"),
    "doc_module": ("kikuchipy_symml",),
    "backreferences_dir": "reference/generated/examples",
    "show_memory": False,
    "remove_config_comments": True,
    "write_computation_times": False,
}


def answering(mapping: dict[str, str]) -> dict[str, tuple[str, None]]:
    """Return the projects whose pages can be linked to now.

    A missing inventory is a warning to Sphinx and so an error to
    ``make doc``, which has to work without a network as well: names are
    not linked then.
    """
    found = {}
    for name, url in mapping.items():
        try:
            with urllib.request.urlopen(url + "objects.inv", timeout=5):
                found[name] = (url, None)
        except (OSError, ValueError) as error:
            print(f"No links to {name}: {url} does not answer ({error})")
    return found


intersphinx_mapping = answering(
    {
        "dask": "https://docs.dask.org/en/latest/",
        "hyperspy": "https://hyperspy.org/hyperspy-doc/current/",
        "kikuchipy": "https://kikuchipy.org/en/stable/",
        "matplotlib": "https://matplotlib.org/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "orix": "https://orix.readthedocs.io/en/stable/",
        "python": "https://docs.python.org/3/",
    }
)
