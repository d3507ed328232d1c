# Every target works as root, or as a user who may use sudo.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv/bin
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
HTTP_PORT ?= 8080
HTTPS_PORT ?= 8443

.PHONY: help setup demo test check bench e2e crds golden clean

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what is needed, here and by apt; quick when it is done already
	@scripts/setup

demo: setup ## Run the example shop with a guided tour; CHECK=1 asserts every outcome and exits
	@$(SUDO) $(VENV)/python examples/tour.py examples/shop \
		--http-port $(HTTP_PORT) --https-port $(HTTPS_PORT) $(if $(CHECK),--check)

test: setup check ## Run every test; those of the kernel and of Envoy run as root
	$(SUDO) env PYTHONDONTWRITEBYTECODE=1 $(VENV)/pytest -p no:cacheprovider $(ARGS)

check: ## Lint, types and the direction of imports
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports

bench: setup ## Measure on this machine; one JSON object per line
	@for bench in benchmarks/bench_*.py; do \
		$(SUDO) $(VENV)/python -m "benchmarks.$$(basename "$$bench" .py)" || exit 1; done

e2e: setup ## Run Kubernetes' own network tests, and ours, on two real nodes; the first time it builds them
	@scripts/cluster-packages
	$(SUDO) env PYTHONDONTWRITEBYTECODE=1 $(VENV)/python -m tests.cluster e2e $(ARGS)

crds: setup ## Write the CustomResourceDefinitions and the schema of the chart's values again
	$(VENV)/python -m lockgate.sources.crd charts/lockgate/crds
	$(VENV)/python -m lockgate.chart_values charts/lockgate/values.schema.json

golden: setup ## Write the golden files again; read the diff before you commit it
	$(VENV)/pytest tests/golden --update-golden

clean: ## Remove the environment and what builds and checks left
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
