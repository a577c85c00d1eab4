# Every task of the project. "make help" lists them; the work is done by scripts in
# tools/, images/ and e2e/, which can be run by hand as well.

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/orrery
# One place for what cargo builds, shared by tests and images.
export CARGO_TARGET_DIR ?= $(CACHE)/target

.DEFAULT_GOAL := help
.PHONY: help demo demo-down samples sql env test test-fast test-crate e2e chaos oracle fuzz fuzz-sql clients scale bench lint crds book release images dev dev-down cluster setup

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## a cluster on this machine with Orrery, a sample sky and the first answers
	@e2e/demo/run up

demo-down: ## take the demo's cluster down; nothing is left
	@e2e/demo/run down

samples: ## load ../shared/data into databases pt11 and pt12 of the running demo
	@e2e/samples/run

sql: ## run the SQL on standard input against the demo (rows tab separated, no header)
	@e2e/demo/sql

env: ## print shell lines that set KUBECONFIG, PATH and ORRERY_*: eval "$(make -s env)"
	@e2e/demo/env

test: ## lint, unit tests, images, a cluster and the short end-to-end tests
	@tools/test all

test-fast: ## lint and unit tests; no cluster
	@tools/test fast

test-crate: ## the tests of one crate, unoptimised and quick to build: make test-crate CRATE=czar/plan
	@tools/nextest run --manifest-path '$(CRATE)/Cargo.toml' $(if $(TEST),'$(TEST)')

e2e: ## all end-to-end tests, long ones too, on the cluster of KUBECONFIG, or else the demo's
	@e2e/tests/run

chaos: ## the demo's nodes, pods and control plane fail under load: SEED=n DURATION=5m
	@SEED='$(SEED)' DURATION='$(DURATION)' e2e/chaos/run

oracle: ## compare answers with one plain MariaDB that holds the same rows
	@e2e/oracle/run

fuzz-sql: ## generated statements against one plain MariaDB: SEED=n MINUTES=n REPORT=file
	@SEED='$(SEED)' MINUTES='$(MINUTES)' REPORT='$(REPORT)' e2e/oracle/fuzz-sql

fuzz: ## any bytes into lexer, planner and wire codecs, guided by coverage: TARGET=name SECONDS=n
	@SECONDS_EACH='$(SECONDS)' e2e/fuzz/run $(TARGET)

clients: ## real clients, from the package registries, against an archive on loopback
	@e2e/clients/run

scale: ## what the operator costs with a large pool, agents made up: ARGS='--workers 30 --chunks 2000'
	@e2e/scale/run $(ARGS)

bench: ## times of queries, as ratios to direct MariaDB in the same run
	@e2e/bench/run

lint: ## formats, lints, scripts, licences; generated CRDs up to date and accepted by a real API server
	@tools/lint

crds: ## write crds/yaml and docs/api.md from the Rust types
	@tools/crds write

book: ## docs/ as a book, by mdBook; prints where it lies
	@tools/book

release: ## cut a version and pack chart, plugin, krew manifest and SBOM: VERSION=1.2.3 OUT=folder
	@tools/release '$(VERSION)' '$(OUT)'

images: ## build the images (REGISTRY=host/path pushes them)
	@REGISTRY='$(REGISTRY)' images/build

dev: ## mysqld, czar and proxy on loopback with a small sky, without Kubernetes
	@e2e/dev/run up

dev-down: ## stop what "make dev" started
	@e2e/dev/run down

cluster: ## the cluster tool: make cluster DO='node cut n2'
	@e2e/cluster/cluster $(DO)

setup: ## install what this machine lacks for all of this, saying what and why
	@tools/setup
