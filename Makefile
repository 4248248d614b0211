# A thin front: it prints what it runs. `make` builds, `make test` is what CI runs.
#   make | build | test | test-long | bench | quickstart | lint | fuzz | clean        (installs what is missing, Debian 12)
SHELL := /bin/bash
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60

.PHONY: all build release deps test test-long bench quickstart lint fuzz clean

all: build

deps:
	integration/install.sh

build: deps
	cmake --preset debug
	cmake --build build/debug -j $(JOBS)

release: deps
	cmake --preset release
	cmake --build build/release -j $(JOBS)

test: build
	python3 integration/run.py --ctest build/debug

test-long: build
	python3 integration/run.py --ctest build/debug --long

bench: release
	python3 bench/run.py

quickstart: release
	python3 integration/quickstart.py

lint: deps
	python3 tests/tidy_test.py

fuzz: deps
	cmake --preset fuzz
	cmake --build build/fuzz -j $(JOBS)
	set -e; for target in build/fuzz/tests/fuzz/*_fuzz; do \
	  name=$$(basename $$target); mkdir -p build/fuzz/corpus/$$name; \
	  $$target -max_total_time=$(FUZZ_SECONDS) build/fuzz/corpus/$$name tests/fuzz/corpus/$${name%_fuzz}; \
	done

clean:
	rm -rf build integration/.run
