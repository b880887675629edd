golangci-lint := go tool -modfile=tools/lint/go.mod golangci-lint
tflint := go tool -modfile=../../tools/tflint/go.mod tflint
with-servers := go run ./internal/testkit/withservers --
gotest := go run ./internal/testkit/gotest

# encoding/json/v2 ignores omitzero where omitempty has a meaning of its own.
fixes := -omitzero=false

# Everything is compiled without C, as the released program is. So the program, its
# tests and the linter share one build cache. Only the race detector needs C.
export CGO_ENABLED := 0

# Bounds one package, on a machine that does other things as well. On two idle cores
# the slowest takes two minutes.
TEST_TIMEOUT ?= 20m

.PHONY: help
help: ## List the targets
	@awk -F ":.*## " "/^[a-z-]+:.*## /{printf \"make %-14s%s\\n\", \$$1, \$$2}" $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/codegenapp, a static program
	go build -trimpath -o bin/ ./cmd/codegenapp

# What this leaves to check: the race detector, the linters, the documents, and the
# comparison of the contract and of the deployment files. No test is left out.
.PHONY: test
test: servers ## Run all tests against a private PostgreSQL and Redis, and the workspace in a browser
	$(with-servers) $(gotest) -vet=off -shuffle=on -timeout $(TEST_TIMEOUT) ./...
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory web-test; \
	else echo "npm is not installed: the workspace is not tested in a browser." >&2; fi

.PHONY: test-long
test-long: servers ## Run the tests at full length, one package at a time; needs an idle machine
	TEST_LONG=1 $(with-servers) go test -p 1 -count=1 -timeout 1h ./internal/... ./test/e2e

# The tests come last, so that the output ends with their results.
.PHONY: check
check: generated-is-current lint modern docs-check contract web-check terraform workflows chaos test-race ## Run everything that a change has to pass, but for the workspace in a browser

.PHONY: fmt
fmt: ## Format, and apply the fixes that need no decision
	go fix $(fixes) ./...
	$(golangci-lint) fmt
	$(golangci-lint) run --fix ./...

.PHONY: generate
generate: ## Generate the queries, the contract and the workspace (compiles sqlc once, for minutes)
	cd internal/postgres && go tool -modfile=../../tools/sqlc/go.mod sqlc generate
	mkdir -p api bin
	go run ./cmd/codegenapp openapi --yaml > bin/openapi.yaml
	mv bin/openapi.yaml api/
	tools/scripts/generated.sh record
	@$(MAKE) web

.PHONY: web
web: node web/node_modules ## Build the workspace from web/, with types from the contract; its files are committed
	npm --prefix web run --silent types
	npm --prefix web run --silent build

.PHONY: docs-check
docs-check: ## Compare documents with the code: names exist, lists are complete
	go -C tools test -vet=off -count=1 ./docscheck
	go -C tools run ./docs/tables -check
	go -C tools run ./docs/links

.PHONY: bench
bench: servers peers ## Measure the cost of requests; BENCH has options, such as "-compare PATH" or "-scale"
	go run ./bench $(BENCH)

# How long faults are injected.
CHAOS ?= 3m

.PHONY: chaos
chaos: servers ## Inject faults under load for CHAOS (default 3m) and count violated guarantees
	go run ./test/chaos -for $(CHAOS)

# The release before, as a git revision, and the number of items in its database.
BEFORE ?= v0.9.0
ITEMS ?= 10000

.PHONY: upgrade
upgrade: servers ## Upgrade from the release BEFORE with ITEMS items under load; no request may fail
	rm -rf bin/before && mkdir -p bin/before
	git archive $(BEFORE) | tar -x -C bin/before
	cd bin/before && go build -trimpath -o ../codegenapp-before ./cmd/codegenapp
	rm -rf bin/before
	go run ./test/chaos -upgrade-from bin/codegenapp-before -items $(ITEMS)

# How long each attack lasts.
ATTACK ?= 8s

.PHONY: attack
attack: servers ## Attack a replica within 512 MiB from one address and as one user; needs an idle machine
	go run ./test/attack -for $(ATTACK) -ratio 3

.PHONY: audit
audit: vulnerabilities secrets monitoring deploy-check terraform-lint image-check ## Check dependencies, secrets, monitoring, deployment files and the image (compiles tools once, for minutes)

.PHONY: release
release: ## Build a release for all platforms into bin/release
	@tools/scripts/release.sh

# Parts of check.

.PHONY: generated-is-current
generated-is-current: # Fail if "make generate" would change something
	tools/scripts/generated.sh check

.PHONY: lint
lint: # Linters (with all of go vet), architecture and formatting
	$(golangci-lint) fmt --diff
	$(golangci-lint) run ./...

.PHONY: modern
modern: # Fail if go fix or go mod tidy would change something
	go mod tidy -diff
	go fix $(fixes) -diff ./...

.PHONY: contract
contract: node tools/contract/node_modules # Lint the contract, and compile a client from it
	npm --prefix tools/contract run --silent check

tools/contract/node_modules: tools/contract/package-lock.json
	npm --prefix tools/contract ci --ignore-scripts --no-audit --no-fund --prefer-offline
	@touch $@

# Where web-check builds the workspace.
web-built := $(CURDIR)/bin/web

.PHONY: web-check
web-check: node web/node_modules # Types, formatting, linters and unit tests of web/, and whether the committed files are what it builds
	npm --prefix web run --silent check
	npm --prefix web run --silent build -- --outDir $(web-built) --logLevel error
	diff -r $(web-built) internal/httpapi/workspace/assets || { echo "internal/httpapi/workspace/assets is not what web/ builds. Run: make web" >&2; exit 1; }

.PHONY: web-test
web-test: servers build web/node_modules # Test the workspace in Chromium, against the built program
	npm --prefix web run --silent test:browser

web/node_modules: web/package-lock.json
	npm --prefix web ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error
	@touch $@

# `terraform validate` needs the providers, which only a registry on the internet has.
# So a test parses the files and checks references and values itself.
.PHONY: terraform
terraform: # Check the Terraform files: formatting, references, values of both environments
	@if command -v terraform >/dev/null; then CHECKPOINT_DISABLE=1 terraform fmt -check -diff -recursive infrastructure/terraform; \
	else echo "terraform is not installed: the formatting of its files is not checked." >&2; fi
	go -C tools test -vet=off -count=1 ./terraform

.PHONY: workflows
workflows: # Check workflows and scripts: actionlint, pinned actions, existing targets and paths, shellcheck
	go -C tools test -vet=off -count=1 ./workflows
	go tool -modfile=tools/go.mod actionlint
	@if command -v shellcheck >/dev/null; then shellcheck -x $$(git grep -lE '^#!.*\bbash$$' -- '*.sh'); \
	else echo "shellcheck is not installed: the shell scripts are not checked." >&2; fi

# Packages whose tests read sources, documents and configuration, and run nothing at once.
static := ./internal ./test/machine ./test/monitoring

# Allocations and memory are measured without the race detector. GOGC=400 makes the rest about a tenth
# faster: a program under the detector has a large heap.
.PHONY: test-race
test-race: servers # All tests, under the race detector where something runs at once
	$(with-servers) go test -vet=off -run 'Allocat|MemoryOfIdle' -timeout $(TEST_TIMEOUT) ./bench ./internal/httpapi
	$(gotest) -vet=off -shuffle=on -timeout $(TEST_TIMEOUT) $(static)
	$(with-servers) env CGO_ENABLED=1 GOGC=400 $(gotest) -vet=off -race -shuffle=on -timeout $(TEST_TIMEOUT) \
		$$(go list ./... | grep -vxE "$$(go list $(static) | paste -sd '|')")

# Parts of audit.

.PHONY: vulnerabilities
vulnerabilities: # Known vulnerabilities in what the program uses (queries vuln.go.dev)
	go tool -modfile=tools/go.mod govulncheck ./...

.PHONY: secrets
secrets: # Secrets in the whole history
	go tool -modfile=tools/go.mod gitleaks git --redact --no-banner .

.PHONY: monitoring
monitoring: servers # Rules, alerts, dashboards and playbooks match; every query of them finds data in a Prometheus
	go test -count=1 ./test/monitoring
	$(with-servers) go test -count=1 -run Monitoring ./test/e2e

.PHONY: deploy-check
deploy-check: # Overlays, compose file and Dockerfiles match the server and Terraform; kube-score
	go -C test/deploy vet ./...
	go -C test/deploy test -count=1 ./...

.PHONY: terraform-lint
terraform-lint: # tflint
	cd infrastructure/terraform && $(tflint) --var-file=environments/staging.tfvars
	cd infrastructure/terraform && $(tflint) --var-file=environments/prod.tfvars

.PHONY: image
image: # Build the container image codegenapp around a program built here (root and buildah)
	@tools/scripts/image.sh localhost/codegenapp

.PHONY: image-check
image-check: # Build it, unpack it, run it as its user; and build the program twice and compare
	@tools/scripts/image-check.sh

# Longer measurements; each needs an idle machine.

# How long the overload lasts.
OVERLOAD ?= 5m

.PHONY: overload
overload: servers # Send five times the capacity of a replica, for OVERLOAD
	go run ./test/overload -for $(OVERLOAD)

# How long each fuzz target runs: a duration, or executions, such as 1000000x.
FUZZTIME ?= 30s

.PHONY: fuzz
fuzz: servers # Run all fuzz targets, one after the other, each for FUZZTIME
	FUZZTIME=$(FUZZTIME) $(with-servers) tools/scripts/fuzz.sh '$(FUZZ)'

.PHONY: bench-scale
bench-scale: # Measure at 10 thousand to 10 million items, and with 1 to 3 replicas
	@$(MAKE) bench BENCH="-scale $(BENCH)"

# Programs of the operating system.

.PHONY: servers
servers:
	@tools/scripts/ensure-packages.sh postgresql redis-server
	@tools/scripts/ensure-packages.sh nodejs npm chromium haproxy pgbouncer prometheus prometheus-alertmanager || echo "The tests that need these packages are skipped." >&2

.PHONY: node
node:
	@tools/scripts/ensure-packages.sh nodejs npm

.PHONY: peers
peers:
	@bench/peers/flask/install.sh || echo "Flask is not measured." >&2
	@$(MAKE) --silent bench/peers/fastify/node_modules || echo "Fastify is not measured." >&2

bench/peers/fastify/node_modules: bench/peers/fastify/package-lock.json
	npm --prefix bench/peers/fastify ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error
	@touch $@

# The steps of a target run one after the other, also under make -j.
.NOTPARALLEL:
