golangci-lint := go tool -modfile=tools/lint/go.mod golangci-lint
tflint := go tool -modfile=../../tools/tflint/go.mod tflint

# omitzero knows encoding/json only; with our JSON omitempty means something.
fixes := -omitzero=false

.PHONY: help
help: ## List the targets
	@awk -F ":.*## " "/^[a-z-]+:.*## /{printf \"make %-22s%s\\n\", \$$1, \$$2}" $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/codegenapp, a static program
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/codegenapp

.PHONY: test
test: servers ## Run all tests against a private PostgreSQL and Redis
	go run ./internal/testkit/withservers -- go test -race -shuffle=on ./...
	go run ./internal/testkit/withservers -- go test -run Allocat ./bench ./internal/httpapi

.PHONY: test-long
test-long: servers ## Run also what takes long or floods the server; wants a machine that does nothing else
	TEST_LONG=1 go run ./internal/testkit/withservers -- go test -p 1 -count=1 -timeout 1h ./internal/auth ./internal/gate ./internal/httpapi ./internal/postgres ./test/e2e

# How long faults are made.
CHAOS ?= 3m

.PHONY: chaos
chaos: servers ## Break everything under load for CHAOS, three minutes if it is not given, and count what must never happen
	go run ./test/chaos -for $(CHAOS)

# How long the flood lasts.
OVERLOAD ?= 5m

.PHONY: overload
overload: servers ## Ask for five times what a replica can do, for OVERLOAD; wants a machine that does nothing else
	go run ./test/overload -for $(OVERLOAD)

# How long each fuzz target runs: a duration, or executions, such as 1000000x.
FUZZTIME ?= 30s

.PHONY: fuzz
fuzz: servers ## Run all fuzz targets, one after the other, each for FUZZTIME
	FUZZTIME=$(FUZZTIME) go run ./internal/testkit/withservers -- tools/scripts/fuzz.sh '$(FUZZ)'

# Test comes last, so that the output closes with the results of the tests.
.PHONY: check
check: generated-is-current lint modern contract terraform workflows chaos test ## Run everything that a change has to pass

.PHONY: generated-is-current
generated-is-current: ## Fail if "make generate" would change something
	tools/scripts/generated.sh check

.PHONY: lint
lint: ## Look for mistakes, wrong arrows and wrong formatting
	$(golangci-lint) fmt --diff
	$(golangci-lint) run ./...

.PHONY: modern
modern: ## Fail if go fix or go mod tidy has something to say (lint has all of go vet)
	go mod tidy -diff
	go fix $(fixes) -diff ./...

.PHONY: contract
contract: node tools/contract/node_modules ## Hold the contract to a linter's rules, and compile a client from it
	npm --prefix tools/contract run --silent check

tools/contract/node_modules: tools/contract/package-lock.json
	npm --prefix tools/contract ci --ignore-scripts --no-audit --no-fund --prefer-offline
	@touch $@

.PHONY: terraform
terraform: ## Hold the Terraform files together: formatting, references, values of both environments
	@if command -v terraform >/dev/null; then CHECKPOINT_DISABLE=1 terraform fmt -check -diff -recursive infrastructure/terraform; \
	else echo "Going on without terraform: nobody checks how its files are formatted." >&2; fi
	go -C tools/terraform test -count=1 ./...

.PHONY: terraform-lint
terraform-lint: ## Lint them (compiles tflint: minutes, once)
	cd infrastructure/terraform && $(tflint) --var-file=environments/staging.tfvars
	cd infrastructure/terraform && $(tflint) --var-file=environments/prod.tfvars

.PHONY: monitoring
monitoring: servers ## Hold rules, alerts, dashboards and playbooks together, and ask a Prometheus every query
	go test -count=1 ./test/monitoring
	go run ./internal/testkit/withservers -- go test -count=1 -run Monitoring ./test/e2e

.PHONY: image
image: ## Build the container image codegenapp around a program built here (root and buildah)
	@tools/scripts/image.sh localhost/codegenapp

.PHONY: image-check
image-check: ## Build it, unpack it, run it as its user; and build the program twice and compare
	@tools/scripts/image-check.sh

.PHONY: deploy-check
deploy-check: ## Hold overlays, compose file and Dockerfiles against the server and Terraform, and let kube-score look (compiles kustomize: minutes, once)
	go -C test/deploy vet ./...
	go -C test/deploy test -count=1 ./...

.PHONY: workflows
workflows: ## Hold workflows, units and scripts: actionlint, pinned actions, what they name exists
	go -C tools/actionlint test -count=1 ./...
	go tool -modfile=tools/actionlint/go.mod actionlint
	@if command -v shellcheck >/dev/null; then shellcheck -x $$(git grep -lE '^#!.*\bbash$$' -- '*.sh'); \
	else echo "Going on without shellcheck: nobody looks for mistakes in shell." >&2; fi

.PHONY: vulnerabilities
vulnerabilities: ## Look for known vulnerabilities in what the program uses (asks vuln.go.dev)
	go tool -modfile=tools/govulncheck/go.mod govulncheck ./...

.PHONY: secrets
secrets: ## Look for secrets in all that was ever committed (compiles gitleaks: minutes, once)
	go tool -modfile=tools/gitleaks/go.mod gitleaks git --redact --no-banner .

.PHONY: release
release: ## Build what a release consists of into bin/release, for all platforms
	@tools/scripts/release.sh

.PHONY: fmt
fmt: ## Format, and repair what can be repaired by itself
	go fix $(fixes) ./...
	$(golangci-lint) fmt
	$(golangci-lint) run --fix ./...

.PHONY: generate
generate: ## Generate the queries and the contract (compiles sqlc: minutes, once)
	cd internal/postgres && go tool -modfile=../../tools/sqlc/go.mod sqlc generate
	mkdir -p api bin
	go run ./cmd/codegenapp openapi --yaml > bin/openapi.yaml
	mv bin/openapi.yaml api/
	tools/scripts/generated.sh record

.PHONY: servers
servers:
	@tools/scripts/ensure-packages.sh postgresql redis-server
	@tools/scripts/ensure-packages.sh nodejs npm chromium haproxy pgbouncer prometheus prometheus-alertmanager || echo "Going on without: the tests that need them say so." >&2

.PHONY: node
node:
	@tools/scripts/ensure-packages.sh nodejs npm

.PHONY: bench
bench: servers peers ## Measure what requests cost, beside others (minutes; docs/evidence/performance.md)
	go run ./bench $(BENCH)

.PHONY: bench-scale
bench-scale: servers ## Measure it at 10 thousand to 10 million items, and with 1 to 3 replicas
	go run ./bench -scale $(BENCH)

.PHONY: peers
peers:
	@bench/peers/flask/install.sh || echo "Going on without Flask." >&2

# The steps of a target follow each other, also under make -j.
.NOTPARALLEL:
