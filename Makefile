# Set-up and everyday commands. `make` alone lists them.
#
# The environment is .venv beside this file. It is made when there is none,
# with the newest Python from 3.11 to 3.13 on the machine; `make demo
# PYTHON=/path/to/python3.12` chooses another one.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help demo test coverage test-oldest lint types doc
.DEFAULT_GOAL := help

help:
	@echo "make demo   classify a measured and a simulated scan of nickel"
	@echo "make test   run the tests"
	@echo "make coverage   run the tests and tell which lines they miss"
	@echo "make lint   check style and formatting"
	@echo "make types  check the types of the public interface"
	@echo "make doc    build the documentation"
	@echo "make test-oldest   run the tests with the oldest versions of setup.cfg"

demo: $(INSTALLED)
	$(BIN)/python -m kikuchipy_symml._demo

# Two processes, which take turns at whole files of tests, in the order of
# conftest.py.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: $(INSTALLED)
	$(PYTEST)

coverage: $(INSTALLED)
	$(PYTEST) --cov --cov-report=term-missing:skip-covered

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/python -m mypy

doc: $(INSTALLED)-doc
	$(BIN)/sphinx-build --fail-on-warning --keep-going doc doc/_build/html

# A Python works if it is of the right version and can make an environment
# with pip in it: Debian and Ubuntu split that off into python3-venv.
WORKS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

$(BIN)/python:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	    if "$$python" -c "$(WORKS)" 2>/dev/null; then \
	        echo "Making $(VENV) with $$("$$python" --version)"; \
	        exec "$$python" -m venv $(VENV); \
	    fi; \
	done; \
	echo "No Python from 3.11 to 3.13 that can make an environment. On"; \
	echo "Debian and Ubuntu: sudo apt install python3 python3-venv"; \
	exit 1

# Python compiles modules as they are first imported; for pip to compile all
# of TensorFlow's takes longer than the rest of the installation.
#
# The import at the end makes orix and kikuchipy compile and cache their
# numba functions once, here, as two first imports at the same time can
# spoil that cache.
$(INSTALLED): setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[tests]"
	@echo "Compiling numba functions of orix and kikuchipy, about a minute"
	$(BIN)/python -c "import kikuchipy_symml"
	@touch $@

$(INSTALLED)-doc: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --editable ".[doc]"
	@touch $@

# The lower bounds of setup.cfg, each made an exact version. They go
# together on Python 3.11 only.
OLDEST := .venv-oldest

test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python -m pytest -W default

$(OLDEST)/.installed: setup.cfg
	python3.11 -m venv $(OLDEST)
	sed -n '/^install_requires/,/^$$/ s/^ *\([a-z0-9_]*\).*>=/\1==/p' setup.cfg > $(OLDEST)/oldest.txt
	$(OLDEST)/bin/python -m pip install --quiet --editable ".[tests]" --constraint $(OLDEST)/oldest.txt
	@touch $@
