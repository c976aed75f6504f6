# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Sphinx."""

import kikuchipy_symml

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
]
exclude_patterns = ["_build"]
html_theme = "pydata_sphinx_theme"
html_theme_options = {"show_toc_level": 2}
html_static_path = []
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
nitpicky = False
intersphinx_mapping = {}
