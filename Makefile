# `make help` lists what there is. Everything needs Debian 12 and a Swift 6.3 toolchain, nothing else:
# the packages below are installed where they are missing.

# The one list of Debian packages that building, running, testing and measuring need.
DEBIAN_PACKAGES := \
  libcurl4-openssl-dev libjansson-dev libnghttp2-dev libpq-dev libprotobuf-c-dev libprotobuf-dev libsodium-dev \
  libssl-dev libuv1-dev pkg-config postgresql-15 protobuf-c-compiler protobuf-compiler \
  ca-certificates curl git jq nghttp2-client nghttp2-server nodejs openssl prometheus python3-venv testssl.sh

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help packages build run test chaos compose-test bench protos settings-table format lint fuzz

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

packages: ## Install the Debian packages that are missing (with sudo where not root).
	@Scripts/install-packages $(DEBIAN_PACKAGES)

build: packages ## Build the executables, optimised.
	Scripts/build

run: build ## Build, then start all of Latchkey for development; Ctrl-C stops it.
	@exec .build/release/latchkey up $(ARGUMENTS)

test: packages ## Run every test, against a private Postgres; ends with one line of totals.
	@Tests/run

chaos: build ## Restart and kill all processes and the database under load, for a quarter of an hour.
	@Tests/python-environment
	@LATCHKEY_WEBHOOK_CHANGES=20000 .build-venv/bin/python -m pytest -q -s --chaos-rounds 10 --chaos-clients 32 \
	  Tests/EndToEnd/test_rolling_restart.py Tests/EndToEnd/test_webhooks.py -k "rolling_restart or nothing_is_lost"

compose-test: packages ## Build the image and run compose.yaml, on a container engine of its own; needs root.
	@Scripts/install-packages docker.io docker-compose iptables debootstrap
	@Tests/python-environment
	@.build-venv/bin/python -m pytest -q -s Tests/Compose

bench: build ## Measure, as ratios against nghttpd and pgbench.
	@Scripts/build latchkey-combined rpc-bench-server signing-bench
	@Tests/Benchmarks/run

protos: packages ## Generate everything that is derived from Protos/*.proto.
	@Protos/generate

settings-table: packages ## Generate the page of all settings from their declarations.
	@Scripts/settings-table

format: ## Format all hand-written Swift.
	@Scripts/format

lint: packages ## Check format, forbidden patterns, and that generated files are up to date.
	@Scripts/lint

fuzz: packages ## Fuzz the parsers for a minute each; SECONDS_EACH=N changes that.
	@Tests/Fuzz/run
