#!/usr/bin/env bash
# rollback.sh staging|prod sha256:DIGEST
#
# Rolls back to an image in the Deployment's revision history, with the settings of
# that revision. Migrations stay: servers run with a newer schema.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() { echo "rollback.sh: $*" >&2; exit 1; }
environment=${1:?"rollback.sh staging|prod sha256:DIGEST"}
digest=${2:?"rollback.sh staging|prod sha256:DIGEST"}
case $environment in staging | prod) ;; *) fail "there is no environment $environment; take staging or prod" ;; esac
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || fail "$digest is no digest; take sha256: and 64 digits"

kube() { kubectl --namespace="$environment" "$@"; }
revisions=$(kube get replicasets --selector=app.kubernetes.io/name=backend \
    -o jsonpath='{range .items[*]}{.metadata.annotations.deployment\.kubernetes\.io/revision} {.spec.template.spec.containers[0].image}{"\n"}{end}')
revision=$(awk -v digest="@$digest" 'substr($2, length($2) - length(digest) + 1) == digest && $1 > newest { newest = $1 + 0 } END { print newest }' <<<"$revisions")
[ -n "$revision" ] || fail "no revision of the Deployment has $digest. Deploy its release instead (deploy-$environment). There are:
$revisions"

kube rollout undo deployment/backend --to-revision="$revision"
kube rollout status deployment/backend --timeout=20m
host=$(kube get httproute backend -o jsonpath='{.spec.hostnames[0]}')
tools/scripts/smoke.sh "https://$host"
