# The habits of this project; `make` alone lists them.
FIRSTLIGHT := .venv/bin/firstlight
SHELL := /bin/bash
NIGHT := build/night.flcap.gz
JOBS := $(shell nproc)

.DEFAULT_GOAL := help
.PHONY: help check test run night scenarios rehearse power bench train

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*  ## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

check:  ## formatting, lint, types and shell scripts
	./setup.sh venv test
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy --strict appliance drivers models
	.venv/bin/shellcheck -x setup.sh systemd/install.sh .ci/run tests/arm64/*.sh

test:  ## every test, as continuous integration runs them
	./setup.sh test

run:  ## the whole box on this computer: simulated sleeper, page at 127.0.0.1:8080
	./setup.sh demo

night: $(NIGHT)  ## a simulated night through the whole box: hypnogram and statistics
	$(FIRSTLIGHT) replay $(NIGHT)

scenarios:  ## every scenario, ten seeds: who is told apart, and what falls short
	./setup.sh venv
	.venv/bin/python tests/scenario_suite.py --seeds 10

rehearse:  ## 10,000 nights in which things go wrong, 10,000 in which nothing does, 500 with reading in bed: some hours
	./setup.sh venv
	$(FIRSTLIGHT) rehearse --nights 200 --seed 1 --faults --jobs $(JOBS)
	$(FIRSTLIGHT) rehearse --nights 9800 --seed 100000 --faults --coarse --jobs $(JOBS)
	$(FIRSTLIGHT) rehearse --nights 10000 --seed 300000 --coarse --jobs $(JOBS)
	.venv/bin/python tests/intent_suite.py --nights 500 --jobs 2

power:  ## the power cut at 500 random moments of a recorded night (needs strace)
	./setup.sh venv test
	.venv/bin/python tests/power_cut.py

bench:  ## what a night, an hour 23, the two services, a start, three days and a year cost (docs/measured.md)
	./setup.sh venv
	.venv/bin/python tests/bench.py night
	.venv/bin/python tests/bench.py long
	.venv/bin/python tests/bench.py stages
	.venv/bin/python tests/bench.py live
	.venv/bin/python tests/bench_start.py start
	.venv/bin/python tests/bench_start.py imports
	.venv/bin/python tests/bench_year.py
	.venv/bin/python tests/long_life.py

train:  ## simulated nights, network, export, evaluation (Python 3.11)
	./setup.sh venv train
	.venv/bin/python -m models.training dataset build/nights
	.venv/bin/python -m models.training train build/nights
	.venv/bin/python -m models.training evaluate build/nights
	.venv/bin/python -m models.training intent build/evenings

$(NIGHT): tests/scenarios/alone.toml
	./setup.sh venv
	mkdir -p build
	$(FIRSTLIGHT) simulate --scenario $< --seed 1 --module tinyframe --out $@ --truth build/night.csv
