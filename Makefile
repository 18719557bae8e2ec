# make         set up, build the book, release the assignments, grade the sample class, say where all of it lies
# make test    set up the same way and run everything that CI runs
# make book · make serve · make exercises · make lint · make clean
# make publish TO=user@host:/var/www/course/      the book to any host of static files, or into a folder
#
# Each step leaves a stamp in .make/ and runs again only when what it depends on has changed.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .make
SITE := book/_build/html
# One thread per process: the networks here are too small for more, and two processes share the cores better.
export OMP_NUM_THREADS ?= 1
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: all test book serve publish exercises course lint clean system

CODE := $(shell find cnnlab -name '*.py' -o -name '*.js')
BOOK := $(shell find book -path book/_build -prune -o -type f -print)
CLASS := $(shell find tests/sample_class -name '*.py')
# Hostile submissions against time limits: on cores of its own.
CORPUS := tests/corpus/test_corpus_graded.py
ASSIGNMENTS := $(patsubst solutions/%.md,%,$(wildcard solutions/*.md))

all: $(STAMP)/book $(STAMP)/exercises $(STAMP)/course
	@echo
	@echo "The book              $(SITE)/index.html        (make serve shows it)"
	@echo "What students get     exercises/"
	@echo "The graded class      course/gradebook.db"
	@echo "Feedback pages        course/feedback/STUDENT/ASSIGNMENT/"
	@echo "The grade table       course/grades.csv"

# The environment: nothing but python3 is needed; uv comes from the package index and fetches the rest.
# Compiled, as pip does: what runs in the sandbox, or with PYTHONDONTWRITEBYTECODE, would compile it at every start.
$(STAMP)/venv: pyproject.toml constraints.txt
	@mkdir -p $(STAMP)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "cnnlab needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
	  echo "$(PYTHON) cannot create a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt --editable '.[all]'
	@touch $@

$(STAMP)/book: $(STAMP)/venv $(BOOK) $(CODE) $(wildcard exercises/*/*.ipynb)
	$(BIN)/jupyter-book build book --warningiserror --nitpick --keep-going
	@touch $@

$(STAMP)/exercises: $(STAMP)/venv $(wildcard solutions/*.md) $(wildcard cnnlab/grading/*.py)
	$(BIN)/cnnlab release
	@touch $@

$(STAMP)/course: $(STAMP)/exercises $(CLASS) $(CODE)
	$(BIN)/cnnlab sample-class
	$(BIN)/cnnlab grade $(ASSIGNMENTS) --sandbox auto
	@touch $@

book: $(STAMP)/book
exercises: $(STAMP)/exercises
course: $(STAMP)/course

serve: $(STAMP)/book
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE) 8000

# Built anew, since what CNNLAB_SITE and CNNLAB_REPOSITORY add is not in the stamp; chapters are not run again.
publish: $(STAMP)/venv
	@test -n "$(TO)" || { \
	  echo "say where to: make publish TO=user@host:/var/www/course/, or a folder; see CONTRIBUTING.md" >&2; exit 2; }
	@command -v rsync >/dev/null || { echo "needs rsync: apt-get install rsync" >&2; exit 2; }
	command -v chromium chromium-browser google-chrome >/dev/null && export CNNLAB_BROWSER=1; \
	$(BIN)/jupyter-book build book --warningiserror --nitpick --keep-going
	rsync --archive --delete $(SITE)/ "$(TO)"

lint: $(STAMP)/venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What the tests need beyond Python packages: a Chromium browser, bubblewrap, and Debian's copy of Fashion-MNIST.
# Installed by apt where that works; what is still missing is said here, its tests are skipped, and with CI=true a skipped test
# is a failure.
system:
	@wanted() { \
	  command -v chromium chromium-browser google-chrome >/dev/null || echo chromium; \
	  command -v bwrap >/dev/null || echo bubblewrap; \
	  test -e /usr/share/datasets/fashion-mnist || echo dataset-fashion-mnist; }; \
	if [ -n "$$(wanted)" ] && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "apt-get install" $$(wanted); \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$(wanted); } >/dev/null || true; fi; \
	for package in $$(wanted); do \
	  echo "NOT INSTALLED: $$package. Its tests cannot run; as root: apt-get install $$package" >&2; done

test: $(STAMP)/venv system lint $(STAMP)/book
	$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --ignore $(CORPUS)
	$(BIN)/python -m pytest $(CORPUS)

clean:
	rm -rf $(STAMP) book/_build course .pytest_cache .mypy_cache .ruff_cache
	@echo "kept .venv; remove it by hand to install anew"
