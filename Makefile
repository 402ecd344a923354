# Everything runs from here, the same on a laptop and in CI. `make demo` and `make test` need nothing done before.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
PORT ?= 7860
# Nothing here needs a model hub; saying so spares the wait for one.
export HF_HUB_OFFLINE := 1
export GRADIO_ANALYTICS_ENABLED := False

.PHONY: help setup demo test test-nodes check lint bench bench-training mini voice clean

help:
	@echo "make demo    caption the sample event into out/ and open the page"
	@echo "make test    all tests that this machine can run, but for one of some minutes: make test-nodes"
	@echo "make check   lint, types, import rules, tests: what CI runs"
	@echo "make bench   measurements against plain Pillow and transformers: minutes"
	@echo "make bench-training  training against transformers' Trainer and PEFT: well over ten minutes"
	@echo "make mini    train the built-in models again: two hours on two cores"
	@echo "make voice   train the adapter that is shipped: minutes"

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Montage needs Python 3.11 or newer; none was found on this machine." >&2; exit 1; }
	$(PYTHON) -m venv .venv || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@echo "Installing the libraries: about two minutes, a few GB (torch)."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

sample/truth.csv: | setup
	$(BIN)/montage sample-event sample --name "Freshers Night"

demo: setup sample/truth.csv
	$(BIN)/montage caption sample --event "Freshers Night" --out out --mode hybrid --set embeddings.model=mini
	$(BIN)/montage serve --port $(PORT) --set embeddings.model=mini --set captioner.mode=hybrid

# Ray wants the cores for itself, and each file a process: it gives up where its agents do not start within seconds.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not ray"
	set -e; for name in batch evaluate jobs train tune; do $(BIN)/python -m pytest -m ray tests/test_ray_$$name.py; done

test-nodes: setup
	$(BIN)/python -m pytest -m nodes

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test

bench: setup
	$(BIN)/python -m benchmarks.ingest
	$(BIN)/python -m benchmarks.captioning

bench-training: setup
	$(BIN)/python -m benchmarks.training --model git
	$(BIN)/python -m benchmarks.training --model florence2

# Another seed, to see how much is luck: make mini SEED=1 MODELS=build/mini-1
SEED ?= 0
MODELS ?= core/mini
SCENES := build/scenes-$(SEED).npz

mini: setup
	mkdir -p build $(MODELS)
	$(BIN)/python -m core.mini.train_captioner --family blip2 --out $(MODELS)/blip2 --seed $(SEED) --cache $(SCENES)
	$(BIN)/python -m core.mini.train_captioner --family git --out $(MODELS)/git --seed $(SEED) --cache $(SCENES) --eyes $(MODELS)/blip2
	$(BIN)/python -m core.mini.train_clip --out $(MODELS)/clip --seed $(SEED) --cache $(SCENES) --eyes $(MODELS)/blip2
	$(BIN)/python -m core.mini.report --models $(MODELS) --out results/mini/seed-$(SEED).json
	$(BIN)/python -m core.mini.cards --report results/mini/seed-0.json

# The adapter that is shipped: mini-blip2 in the club's voice.
voice: setup
	rm -rf build/voice
	$(BIN)/montage train --recipe mini-montage --out build/voice
	$(BIN)/montage adapters add build/voice --name mini-montage --replace --results .
	cp adapters/mini-montage/registry.json adapters/best.json

clean:
	rm -rf .venv out sample build .pytest_cache .mypy_cache .ruff_cache

.PHONY: docs
docs: setup
	$(BIN)/python -c "import json; from core.record import record_schema; print(json.dumps(record_schema(), indent=2))" > docs/posts.schema.json
