package deploy_test

import (
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/kustomize/api/resmap"
)

func TestPods_ProbesHaveTheRightPaths(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		c := the[appsv1.Deployment](t, all, "backend").Spec.Template.Spec.Containers[0]
		for name, probe := range map[string]struct {
			of   *corev1.Probe
			path string
		}{
			"startup":   {c.StartupProbe, "/health/live"},
			"liveness":  {c.LivenessProbe, "/health/live"},
			"readiness": {c.ReadinessProbe, "/health/ready"},
		} {
			if probe.of == nil || probe.of.HTTPGet == nil {
				t.Errorf("there is no %s probe over HTTP", name)
				continue
			}
			if got := probe.of.HTTPGet; got.Path != probe.path || got.Port.String() != "http" {
				t.Errorf("the %s probe asks %s at %s", name, got.Path, got.Port.String())
			}
		}
	})
}

// TestPods_GracePeriodCoversShutdown adds up what happens between the decision that a replica
// ends and the kernel's end of it.
func TestPods_GracePeriodCoversShutdown(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		spec := the[appsv1.Deployment](t, all, "backend").Spec.Template.Spec
		hook := spec.Containers[0].Lifecycle
		if hook == nil || hook.PreStop == nil || hook.PreStop.Sleep == nil || hook.PreStop.Sleep.Seconds < 5 {
			t.Fatal("preStop does not sleep: the load balancer sends requests to what has ended")
		}
		s := settingsOf(t, all)
		needed := time.Duration(hook.PreStop.Sleep.Seconds)*time.Second +
			time.Duration(*s.ShutdownDrain) + time.Duration(s.ShutdownGrace)
		if grace := *spec.TerminationGracePeriodSeconds; time.Duration(grace)*time.Second < needed {
			t.Errorf("terminationGracePeriodSeconds is %d, but preStop, drain and grace take %s", grace, needed)
		}
	})
}

func TestRollout_KeepsAllReplicasAvailable(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		spec := the[appsv1.Deployment](t, all, "backend").Spec
		rolling := spec.Strategy.RollingUpdate
		if spec.Strategy.Type != appsv1.RollingUpdateDeploymentStrategyType || rolling == nil ||
			rolling.MaxUnavailable.IntValue() != 0 || rolling.MaxSurge.IntValue() != 1 {
			t.Errorf("the strategy is not a rolling update with maxUnavailable 0 and maxSurge 1: %+v", spec.Strategy)
		}
		if spec.Replicas != nil {
			t.Error("replicas are set: every apply would take back what the autoscaler or kubectl scale has set")
		}
	})
}

func TestPods_AreSpreadOverZonesAndNodes(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		template := the[appsv1.Deployment](t, all, "backend").Spec.Template
		for _, key := range []string{"topology.kubernetes.io/zone", "kubernetes.io/hostname"} {
			if !slices.ContainsFunc(template.Spec.TopologySpreadConstraints, func(c corev1.TopologySpreadConstraint) bool {
				return c.TopologyKey == key && c.MaxSkew == 1 && selects(c.LabelSelector, template.Labels)
			}) {
				t.Errorf("replicas are not spread over %s", key)
			}
		}
	})
}

func TestPods_HaveNoPrivileges(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		for account, pod := range pods(t, all) {
			p, c := pod.SecurityContext, pod.Containers[0].SecurityContext
			if len(pod.Containers) != 1 || len(pod.InitContainers) != 0 {
				t.Errorf("%s has other containers than its own", account)
			}
			if p == nil || p.RunAsNonRoot == nil || !*p.RunAsNonRoot || p.RunAsUser == nil || *p.RunAsUser != imageUser {
				t.Errorf("%s does not run as the image's user", account)
			}
			if p == nil || p.SeccompProfile == nil || p.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s may make any system call", account)
			}
			if c == nil || c.ReadOnlyRootFilesystem == nil || !*c.ReadOnlyRootFilesystem {
				t.Errorf("%s may write to its root", account)
			}
			if c == nil || c.AllowPrivilegeEscalation == nil || *c.AllowPrivilegeEscalation {
				t.Errorf("%s may gain rights", account)
			}
			if c == nil || c.Capabilities == nil || !slices.Equal(c.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(c.Capabilities.Add) > 0 {
				t.Errorf("%s has capabilities", account)
			}
			if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken || pod.ServiceAccountName != account {
				t.Errorf("%s gets a token of the API server, or has another service account: %s", account, pod.ServiceAccountName)
			}
			sa := the[corev1.ServiceAccount](t, all, account)
			if sa.AutomountServiceAccountToken == nil || *sa.AutomountServiceAccountToken {
				t.Errorf("the service account %s hands out its token", account)
			}
		}
	})
}

func TestPods_MemoryIsBounded(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		for account, pod := range pods(t, all) {
			r := pod.Containers[0].Resources
			if r.Requests.Cpu().IsZero() || r.Requests.Memory().IsZero() || r.Limits.Memory().Cmp(*r.Requests.Memory()) != 0 {
				t.Errorf("%s does not ask for CPU, or for as much memory as it may have: %+v", account, r)
			}
		}
		c := the[appsv1.Deployment](t, all, "backend").Spec.Template.Spec.Containers[0]
		soft, err := resource.ParseQuantity(env(c)["GOMEMLIMIT"][:len("400Mi")])
		if err != nil {
			t.Fatal(err)
		}
		hard := c.Resources.Limits.Memory().Value()
		if soft.Value() > hard*9/10 || soft.Value() < hard/2 {
			t.Errorf("GOMEMLIMIT is %s of %s; half to nine tenths leave room for what the collector does not count", soft.String(), c.Resources.Limits.Memory())
		}
	})
}

func TestMigrationJob_RunsOnce(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		job := the[batchv1.Job](t, all, "migrate").Spec
		pod := job.Template.Spec
		if !slices.Equal(pod.Containers[0].Args, []string{"migrate", "up"}) || pod.RestartPolicy != corev1.RestartPolicyNever {
			t.Errorf("the job runs %q and then %s", pod.Containers[0].Args, pod.RestartPolicy)
		}
		if job.BackoffLimit == nil || job.ActiveDeadlineSeconds == nil || job.TTLSecondsAfterFinished == nil {
			t.Error("the job may go on for ever, or stays for ever")
		}
		backend := the[appsv1.Deployment](t, all, "backend").Spec.Template.Spec.Containers[0]
		if backend.Image != pod.Containers[0].Image {
			t.Errorf("migrations are of %s, the server is of %s", pod.Containers[0].Image, backend.Image)
		}
		if !slices.Equal(backend.Args, []string{"serve"}) {
			t.Errorf("the server runs %q", backend.Args)
		}
	})
}

// pods are all there are, by the service account that each has to have.
func pods(t *testing.T, all resmap.ResMap) map[string]corev1.PodSpec {
	t.Helper()
	return map[string]corev1.PodSpec{
		"backend": the[appsv1.Deployment](t, all, "backend").Spec.Template.Spec,
		"migrate": the[batchv1.Job](t, all, "migrate").Spec.Template.Spec,
	}
}

func env(c corev1.Container) map[string]string {
	values := map[string]string{}
	for _, e := range c.Env {
		values[e.Name] = e.Value
	}
	return values
}
