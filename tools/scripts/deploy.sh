#!/usr/bin/env bash
# deploy.sh [--print] staging|prod IMAGE@sha256:DIGEST [VERSION]
#
# Deploys an image to an environment, in kubectl's current cluster: migrations first,
# then the replicas one after the other, then a smoke test from outside. A rollout that
# fails is rolled back. --print shows what would be applied and changes nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() { echo "deploy.sh: $*" >&2; exit 1; }
usage="deploy.sh [--print] staging|prod IMAGE@sha256:DIGEST [VERSION]"
print=
[ "${1:-}" != --print ] || { print=yes; shift; }
environment=${1:?"$usage"}
image=${2:?"$usage"}
version=${3:-}
overlays=infrastructure/kubernetes/overlays
case $environment in staging | prod) ;; *) fail "there is no environment $environment; take staging or prod" ;; esac
[[ $image =~ ^[a-z0-9./:_-]+@sha256:[0-9a-f]{64}$ ]] ||
    fail "$image names no digest; a tag may be another image tomorrow. Take <repository>/backend@sha256:…"

# An overlay over the overlay, so that no file of the repository changes.
work=$(mktemp -d "$overlays/.deploy.XXXXXX")
trap 'rm -rf "$work"' EXIT
cat >"$work/kustomization.yaml" <<YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../$environment]
images:
  - name: $(sed -n 's/^ *newName: //p' "$overlays/$environment/kustomization.yaml")
    newName: ${image%@*}
    digest: ${image#*@}
YAML
if [ -n "$print" ]; then
    kubectl kustomize "$work"
    exit
fi

kube() { kubectl --namespace="$environment" "$@"; }

# A Job cannot be changed once it is there. All but the servers is applied with it:
# the Job needs its account, its secrets and its way to the database.
kube delete job migrate --ignore-not-found
kubectl apply -k "$work" --selector='app.kubernetes.io/name!=backend'
echo "Waiting for the migrations."
until state=$(kube get job migrate -o jsonpath='{.status.conditions[?(@.status=="True")].type}') && [[ $state = *Complete* ]]; do
    if [[ $state = *Failed* ]]; then
        kube logs job/migrate --tail=50 >&2 || true
        fail "the migrations failed, see above; the servers go on as they were"
    fi
    sleep 5
done

back() {
    kube get pods -o wide >&2 || true
    kube logs deployment/backend --tail=50 >&2 || true
    echo "deploy.sh: taking it back" >&2
    if kube rollout undo deployment/backend && kube rollout status deployment/backend --timeout=20m; then
        fail "$1; what ran before runs again"
    fi
    fail "$1, and there is nothing to go back to; look at: kubectl describe pods -n $environment"
}
kubectl apply -k "$work"
kube rollout status deployment/backend --timeout=20m || back "the replicas did not come up"
host=$(kube get httproute backend -o jsonpath='{.spec.hostnames[0]}')
tools/scripts/smoke.sh "https://$host" "$version" || back "https://$host is not well"
