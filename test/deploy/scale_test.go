package deploy_test

import (
	"strconv"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/api/resmap"
)

func TestAutoscaler_FollowsProcessorTime(t *testing.T) {
	inEach(t, func(t *testing.T, environment string, all resmap.ResMap) {
		hpa := the[autoscalingv2.HorizontalPodAutoscaler](t, all, "backend").Spec
		if to := hpa.ScaleTargetRef; to.APIVersion != "apps/v1" || to.Kind != "Deployment" || to.Name != "backend" {
			t.Errorf("it scales %+v", to)
		}
		if environment == "prod" && (*hpa.MinReplicas != 3 || hpa.MaxReplicas != 10) {
			t.Errorf("prod has %d to %d replicas, not 3 to 10", *hpa.MinReplicas, hpa.MaxReplicas)
		}
		if *hpa.MinReplicas < 2 {
			t.Error("with a single replica a rollout interrupts the service")
		}
		if int(hpa.MaxReplicas) != number(t, environment, "max_replicas") {
			t.Errorf("Terraform counts with another number of replicas than %d", hpa.MaxReplicas)
		}
		if len(hpa.Metrics) != 1 || hpa.Metrics[0].Resource == nil || hpa.Metrics[0].Resource.Name != "cpu" {
			t.Errorf("it does not follow the CPU: %+v", hpa.Metrics)
		}
		// A number set by kubectl scale stays for five minutes.
		if down := hpa.Behavior.ScaleDown; down.StabilizationWindowSeconds == nil || *down.StabilizationWindowSeconds < 300 {
			t.Error("a number of replicas set by hand is taken back within five minutes")
		}
	})
}

func TestDisruptionBudget_AllowsOneReplica(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		pdb := the[policyv1.PodDisruptionBudget](t, all, "backend").Spec
		if pdb.MaxUnavailable == nil || pdb.MaxUnavailable.IntValue() != 1 || pdb.MinAvailable != nil {
			t.Errorf("a drain may take %v", pdb.MaxUnavailable)
		}
		if !selects(pdb.Selector, the[appsv1.Deployment](t, all, "backend").Spec.Template.Labels) {
			t.Error("the budget is not about the server's pods")
		}
	})
}

// TestDatabase_HasConnectionsForAllReplicas counts the connections of the worst case: a rollout of
// a new version under full load, with migrations and a psql session.
func TestDatabase_HasConnectionsForAllReplicas(t *testing.T) {
	inEach(t, func(t *testing.T, environment string, all resmap.ResMap) {
		d := the[appsv1.Deployment](t, all, "backend").Spec
		s := settingsOf(t, all)

		// A surge replaces one replica each minReadySeconds, and each takes as long to end
		// as it is allowed to, with its connections.
		surge, ready, grace := d.Strategy.RollingUpdate.MaxSurge.IntValue(), int(d.MinReadySeconds), int(*d.Template.Spec.TerminationGracePeriodSeconds)
		if ready == 0 {
			t.Fatal("without minReadySeconds any number of replicas may be ending at once")
		}
		besides := surge + surge*(grace+ready-1)/ready
		if got := number(t, environment, "max_surge"); got != besides {
			t.Errorf("Terraform's max_surge is %d; a rollout runs %d replicas beyond the autoscaler's", got, besides)
		}
		if pool, over := number(t, environment, "database_pool_size"), number(t, environment, "database_max_overflow"); pool != s.PoolSize || over != s.PoolOverflow {
			t.Errorf("Terraform counts with %d and %d connections of a replica, the server opens %d and %d", pool, over, s.PoolSize, s.PoolOverflow)
		}
		// Two of "migrate up", three that PostgreSQL keeps for superusers, five of Cloud
		// SQL's own, two people with psql: connections_besides in database.tf.
		const others = 12
		replicas := int(the[autoscalingv2.HorizontalPodAutoscaler](t, all, "backend").Spec.MaxReplicas) + besides
		needed, most := replicas*(s.PoolSize+s.PoolOverflow+1)+others, number(t, environment, "database_max_connections")
		if needed > most {
			t.Errorf("%d replicas need %d connections; the database has %d", replicas, needed, most)
		}
	})
}

func number(t *testing.T, environment, variable string) int {
	t.Helper()
	n, err := strconv.Atoi(terraform(t, environment, variable))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// selects reports whether a selector of plain labels takes a pod with these.
func selects(selector *metav1.LabelSelector, labels map[string]string) bool {
	if selector == nil || len(selector.MatchLabels) == 0 || len(selector.MatchExpressions) > 0 {
		return false
	}
	for key, value := range selector.MatchLabels {
		if labels[key] != value {
			return false
		}
	}
	return true
}
