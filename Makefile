# Tasks for contributors. Each line also works when typed by hand, inside the checkout.
# `make setup` once; then `make check` before a commit.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup fmt lint fast test coverage check bench docs release

setup:  ## create .venv with the package and the tools
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -e '.[dev]'

fmt:  ## format the code and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint:  ## format, rules, types, import floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fast:  ## the fast suite: no processes, no whole screens, nothing that takes seconds
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not e2e"

test: fast  ## every test: the fast suite, then the rest
	$(BIN)/python -m pytest -n 4 --dist worksteal -m e2e

coverage:  ## coverage of the rules, the wire and the journal by their own tests
	$(BIN)/python -m pytest -n auto --dist worksteal tests/chat tests/protocol tests/journal \
		--cov=chatctl/chat --cov=chatctl/protocol --cov=chatctl/journal --cov-report=term:skip-covered --cov-fail-under=95

check: lint fast  ## what to run before a commit

bench:  ## compare with the C servers (Debian, root; see docs/performance.md)
	$(BIN)/python -m bench.compare

docs:  ## write the generated pages of docs/reference, and config.example.toml
	$(BIN)/python -m scripts.make_reference

release:  ## build sdist and wheel into dist/, and try both in empty environments
	$(BIN)/python -m scripts.check_release
