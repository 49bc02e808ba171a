# The commands of the project. `make help` lists them.
SHELL := /bin/bash
PREFIX ?= /usr/local
# Many tests mostly wait for servers.
JOBS ?= $(shell echo $$(( 2 * $$(nproc) )))
export CCACHE_DIR ?= $(HOME)/.cache/ccache

.DEFAULT_GOAL := help
.PHONY: help deps build demo test asan tsan lint install bench-deps bench-queue bench-spool bench-batch bench-masks bench-hashes bench-scan clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

deps: ## install what is missing: Debian packages, then npm packages
	@scripts/deps

build: deps ## build/release/sluice
	@cmake --preset release >build/.configure.log 2>&1 || { cat build/.configure.log; exit 1; }
	@cmake --build build/release --target sluice

demo: build ## the main job, on embedded stand-ins and then on PostgreSQL and an SQS server
	@scripts/demo

test: deps ## build with assertions and crash points, and pass every test
	@cmake --preset dev >build/.configure.log 2>&1 || { cat build/.configure.log; exit 1; }
	@cmake --build build/dev
	@ctest --test-dir build/dev --output-on-failure --no-tests=error --parallel $(JOBS)
	@scripts/skipped build/dev

asan: deps ## unit tests and scenarios under the address and undefined-behaviour sanitizers
	@cmake --preset asan >build/.configure.log 2>&1 || { cat build/.configure.log; exit 1; }
	@cmake --build build/asan
	@ctest --test-dir build/asan --output-on-failure --no-tests=error --parallel $(JOBS) --label-exclude 'live|faults'

tsan: deps ## unit tests under the thread sanitizer
	@cmake --preset tsan >build/.configure.log 2>&1 || { cat build/.configure.log; exit 1; }
	@cmake --build build/tsan
	@TSAN_OPTIONS="suppressions=$(CURDIR)/cmake/tsan.supp $(TSAN_OPTIONS)" ctest --test-dir build/tsan --output-on-failure --no-tests=error --label-exclude 'live|faults|scenarios'

lint: deps ## the style of the code
	@scripts/lint

install: build ## put sluice, its DuckDB library and the man page under PREFIX
	@cmake --install build/release --prefix $(PREFIX) --component sluice

bench-deps: deps
	@scripts/deps bench/packages.txt

bench-queue: build bench-deps ## queue to table: msg/s, CPU and memory beside what people use instead
	@cmake --build build/release --target queue_server --target bare_loop
	@/usr/bin/python3 bench/bench_queue.py $(ARGS)
	@/usr/bin/python3 bench/bench_queue.py --delay 10 $(ARGS)

bench-spool: build bench-deps ## spool folder to table, without a queue server
	@cmake --build build/release --target queue_server --target spool_fill
	@/usr/bin/python3 bench/bench_queue.py --spool $(ARGS)

bench-batch: build bench-deps ## CSV on S3 to table, table to CSV and Parquet on S3: beside psql's \copy; memory; small objects
	@cmake --build build/release --target object_server
	@/usr/bin/python3 bench/bench_load.py $(ARGS)
	@/usr/bin/python3 bench/bench_unload.py $(ARGS)
	@/usr/bin/python3 bench/bench_load.py --memory $(ARGS)
	@/usr/bin/python3 bench/bench_unload.py --memory $(ARGS)
	@/usr/bin/python3 bench/bench_load.py --tiny $(ARGS)
	@/usr/bin/python3 bench/bench_unload.py --tiny $(ARGS)
	@/usr/bin/python3 bench/bench_load.py --small 10000 --delay 10 $(ARGS)

bench-masks: build bench-deps ## every mask in values/s on one core, beside Python, pgcrypto and OpenSSL
	@cmake --build build/release --target mask_bench
	@/usr/bin/python3 bench/bench_masks.py $(ARGS)

bench-hashes: deps ## how long it takes to undo an unkeyed hash of an IPv4 address, on one core
	@cmake --preset release >build/.configure.log 2>&1 || { cat build/.configure.log; exit 1; }
	@cmake --build build/release --target hash_search
	@build/release/bench/hash_search $(ARGS)

bench-scan: build ## what `sluice scan` finds and misses in 10,000 columns made from a seed
	@cmake --build build/release --target scan_measure
	@build/release/src/sluice/scan/scan_measure $(ARGS)

clean: ## remove what was built
	rm -rf build
