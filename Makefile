# `make demo` and `make test` each make their own environment; nothing else has to be set up.
# Needs: Python 3.11 or newer with pip and venv. Another one than found: make test PYTHON=/path/to/python3.12
# A plain `torch` from the public index brings CUDA along; the version named here has a CPU build where the
# index offers one. Elsewhere: make test TORCH="torch --index-url https://download.pytorch.org/whl/cpu"

.DEFAULT_GOAL := help
.PHONY: help demo triton test lint format check-types check-layers docs-check unit report clean

TORCH ?= torch==2.13.0
DEMO_ENV := .venv-demo
TEST_ENV := .venv
RUN := $(TEST_ENV)/bin
PIP_FLAGS := --quiet --disable-pip-version-check

NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

# make_environment(folder): an empty virtual environment, or why there cannot be one.
define make_environment
	@found="$(PYTHON)"; \
	for python in $(if $(PYTHON),,python3.13 python3.12 python3.11 python3 python); do \
	  if command -v $$python >/dev/null 2>&1 && $$python -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ] || ! "$$found" -c '$(NEW_ENOUGH)'; then \
	  echo "No Python >= 3.11 with venv and pip found (tried python3.13, python3.12, python3.11, python3)." >&2; \
	  echo "Install one (Debian/Ubuntu: apt install python3 python3-venv) or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; \
	  exit 1; \
	fi; \
	echo "Making $(1) with $$("$$found" --version)"; \
	rm -rf $(1) && "$$found" -m venv $(1)
endef

help:  ## What can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

$(DEMO_ENV)/.installed: pyproject.toml
	$(call make_environment,$(DEMO_ENV))
	@echo "Installing the service and the demo (a few minutes the first time)"
	@$(DEMO_ENV)/bin/python -m pip install $(PIP_FLAGS) --editable '.[demo]'
	@touch $@

$(TEST_ENV)/.installed: pyproject.toml
	$(call make_environment,$(TEST_ENV))
	@echo "Installing the service, the training code and the development tools (some minutes the first time)"
	@$(TEST_ENV)/bin/python -m pip install $(PIP_FLAGS) $(TORCH)
	@$(TEST_ENV)/bin/python -m pip install $(PIP_FLAGS) --editable '.[dev,train]'
	@touch $@

demo: $(DEMO_ENV)/.installed  ## A simulated furnace scan, analysed live (ARGS="--frames 20")
	@$(DEMO_ENV)/bin/alphadiffract-stream demo $(ARGS)

test: lint check-types check-layers unit  ## Everything that must hold: style, types, layers, tests

lint: $(TEST_ENV)/.installed  ## Style only
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .

format: $(TEST_ENV)/.installed  ## Put the style right
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

check-types: $(TEST_ENV)/.installed
	$(RUN)/pyright --pythonpath $(RUN)/python

check-layers: $(TEST_ENV)/.installed
	$(RUN)/lint-imports

unit: $(TEST_ENV)/.installed
	$(RUN)/pytest $(ARGS)

docs-check: $(TEST_ENV)/.installed  ## Run the code blocks of the documentation
	$(RUN)/pytest tests/unit/test_docs.py $(ARGS)

triton: $(TEST_ENV)/.installed  ## A real Triton server with the embedded network, on this machine's CPU
	@$(RUN)/python -m training triton .triton/models
	@$(RUN)/python -m tools.local_triton .triton/models --model alphadiffract_cpu $(ARGS)

# The networks' report in the documentation: make report STRUCTURES=data/reflections.npz REPORT=docs/reference/networks/NAME
DATA ?= ../shared/data
NETWORK ?= alphadiffract_stream/models/default.onnx
SERVING ?= networks/serving.onnx
REPORT ?= docs/reference/networks/0.5

report: $(TEST_ENV)/.installed  ## Evaluate the shipped networks on every data set (STRUCTURES=reflections.npz)
	@$(RUN)/python -m training evaluate --network $(NETWORK) --against $(SERVING) --output $(REPORT) --structures $(STRUCTURES) \
	  --data $(DATA)/experimental/rruff_processed.npz --data $(DATA)/experimental/rruff_raw.npz \
	  --data $(DATA)/validation/foreign_simulated.npz --data $(STRUCTURES) --preset paper \
	  --background rruff_raw=arpls --background foreign_simulated=arpls

clean:  ## Remove environments and caches
	rm -rf $(DEMO_ENV) $(TEST_ENV) .triton .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist *.egg-info
