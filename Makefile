# A thin front: it prints what it runs; what is missing is installed first (Debian 12).
#   make, make build   build/check: no optimisation and no sanitizers, which builds fastest
#   make test          what CI runs: every compiled test, 1,000 seeds of the simulations, and a chosen set of scenarios
#                      with real servers
#   make test-long     every scenario and compiled test under ASan and UBSan (build/debug), 100,000 seeds, an hour of
#                      fuzzing: hours
#   make install       the release build under PREFIX (/usr/local), with DESTDIR where a packager wants it
#   make deb           the Debian package, in build/release/package
#   make release | bench | quickstart | lint | fuzz | clean
SHELL := /bin/bash
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
SEEDS ?= 1000
LONG_SEEDS ?= 100000
LONG_FUZZ_SECONDS ?= 3600

PREFIX ?= /usr/local

.PHONY: all install deb build debug release deps test test-long bench quickstart lint fuzz clean

all: build

deps:
	integration/install.sh

build: deps
	cmake --preset check
	cmake --build build/check -j $(JOBS)

debug: deps
	cmake --preset debug
	cmake --build build/debug -j $(JOBS)

release: deps
	cmake --preset release
	cmake --build build/release -j $(JOBS) --target tiderelay

install: release
	DESTDIR=$(DESTDIR) cmake --install build/release --prefix $(PREFIX)

deb: release
	cd build/release && cpack -G DEB

test: build
	python3 integration/run.py --ctest build/check --seeds $(SEEDS)

test-long: debug release
	cmake --build build/release -j $(JOBS)
	$(MAKE) fuzz FUZZ_SECONDS=$$(($(LONG_FUZZ_SECONDS) / $$(ls tests/fuzz/*_fuzz.cc | wc -l)))
	TIDERELAY_SEEDS=$(LONG_SEEDS) ctest --test-dir build/release -R 'Sim\.' -j $(JOBS) --output-on-failure --timeout 86400
	TIDERELAY=build/debug/tiderelay python3 integration/run.py --ctest build/debug --long

bench: release
	cmake --build build/release -j $(JOBS) --target follow_bench
	python3 bench/run.py

quickstart: release
	python3 integration/quickstart.py

lint: deps
	python3 tests/tidy_test.py

fuzz: deps
	cmake --preset fuzz
	cmake --build build/fuzz -j $(JOBS) --target fuzzers
	set -e; for target in build/fuzz/tests/fuzz/*_fuzz; do \
	  name=$$(basename $$target); mkdir -p build/fuzz/corpus/$$name; \
	  $$target -max_total_time=$(FUZZ_SECONDS) build/fuzz/corpus/$$name tests/fuzz/corpus/$${name%_fuzz}; \
	done

clean:
	rm -rf build integration/.run
