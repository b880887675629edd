// Package deploy_test checks the deployment files against the server, the Terraform files
// and good practice: the Kubernetes overlays
// as kustomize builds them, the compose file and the Dockerfiles.
package deploy_test

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const root = "../.."

// environments are the overlays, each named like its namespace.
var environments = []string{"staging", "prod"}

// kinds are all that an overlay may hold, by apiVersion and kind.
var kinds = map[string]reflect.Type{
	"v1/Namespace":                                      reflect.TypeFor[corev1.Namespace](),
	"v1/ServiceAccount":                                 reflect.TypeFor[corev1.ServiceAccount](),
	"v1/ConfigMap":                                      reflect.TypeFor[corev1.ConfigMap](),
	"v1/Service":                                        reflect.TypeFor[corev1.Service](),
	"apps/v1/Deployment":                                reflect.TypeFor[appsv1.Deployment](),
	"batch/v1/Job":                                      reflect.TypeFor[batchv1.Job](),
	"policy/v1/PodDisruptionBudget":                     reflect.TypeFor[policyv1.PodDisruptionBudget](),
	"autoscaling/v2/HorizontalPodAutoscaler":            reflect.TypeFor[autoscalingv2.HorizontalPodAutoscaler](),
	"networking.k8s.io/v1/NetworkPolicy":                reflect.TypeFor[networkingv1.NetworkPolicy](),
	"gateway.networking.k8s.io/v1/Gateway":              reflect.TypeFor[gatewayv1.Gateway](),
	"gateway.networking.k8s.io/v1/HTTPRoute":            reflect.TypeFor[gatewayv1.HTTPRoute](),
	"monitoring.coreos.com/v1/ServiceMonitor":           reflect.TypeFor[monitoringv1.ServiceMonitor](),
	"networking.gke.io/v1/GCPGatewayPolicy":             reflect.TypeFor[gatewayPolicy](),
	"networking.gke.io/v1/GCPBackendPolicy":             reflect.TypeFor[backendPolicy](),
	"networking.gke.io/v1/HealthCheckPolicy":            reflect.TypeFor[healthCheckPolicy](),
	"secrets-store.csi.x-k8s.io/v1/SecretProviderClass": reflect.TypeFor[secretProviderClass](),
}

// inEach runs test on each overlay, as kubectl apply -k would send it.
func inEach(t *testing.T, test func(t *testing.T, environment string, all resmap.ResMap)) {
	t.Helper()
	for _, environment := range environments {
		t.Run(environment, func(t *testing.T) {
			dir := filepath.Join(root, "infrastructure/kubernetes/overlays", environment)
			all, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
			if err != nil {
				t.Fatal(err)
			}
			test(t, environment, all)
		})
	}
}

// the is the one object of this kind whose name is name, or name and a hash.
func the[T any](t *testing.T, all resmap.ResMap, name string) *T {
	t.Helper()
	var found *T
	for _, r := range all.Resources() {
		kind := kinds[r.GetApiVersion()+"/"+r.GetKind()]
		if kind != reflect.TypeFor[T]() || r.GetName() != name && !strings.HasPrefix(r.GetName(), name+"-") {
			continue
		}
		if found != nil {
			t.Fatalf("there are two of %T named %s", *found, name)
		}
		found = new(T)
		decode(t, r.MustYaml(), found)
	}
	if found == nil {
		t.Fatalf("there is no %s named %s", reflect.TypeFor[T](), name)
	}
	return found
}

// decode refuses fields that the type does not have: a cluster would drop them.
func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
}

func TestOverlays_ObjectsMatchTheirTypes(t *testing.T) {
	inEach(t, func(t *testing.T, environment string, all resmap.ResMap) {
		seen := map[string]bool{}
		for _, r := range all.Resources() {
			name := r.GetApiVersion() + "/" + r.GetKind()
			kind, known := kinds[name]
			if !known {
				t.Errorf("%s: this kind has no type in this test", name)
				continue
			}
			seen[name] = true
			decode(t, r.MustYaml(), reflect.New(kind).Interface())
			if name != "v1/Namespace" && r.GetNamespace() != environment {
				t.Errorf("%s %s is in namespace %q", name, r.GetName(), r.GetNamespace())
			}
		}
		for name := range kinds {
			if !seen[name] {
				t.Errorf("there is no %s", name)
			}
		}
		if ns := the[corev1.Namespace](t, all, environment); ns.Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
			t.Error("the namespace lets pods in that have more rights than ours")
		}
	})
}

// What Google's own kinds look like, as far as they are used here.
type (
	typed struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name      string            `json:"name"`
			Namespace string            `json:"namespace"`
			Labels    map[string]string `json:"labels"`
		} `json:"metadata"`
	}
	target struct {
		Group string `json:"group"`
		Kind  string `json:"kind"`
		Name  string `json:"name"`
	}
	gatewayPolicy struct {
		typed `json:",inline"`
		Spec  struct {
			Default struct {
				SSLPolicy string `json:"sslPolicy"`
			} `json:"default"`
			TargetRef target `json:"targetRef"`
		} `json:"spec"`
	}
	backendPolicy struct {
		typed `json:",inline"`
		Spec  struct {
			Default struct {
				TimeoutSec         int `json:"timeoutSec"`
				ConnectionDraining struct {
					DrainingTimeoutSec int `json:"drainingTimeoutSec"`
				} `json:"connectionDraining"`
			} `json:"default"`
			TargetRef target `json:"targetRef"`
		} `json:"spec"`
	}
	healthCheckPolicy struct {
		typed `json:",inline"`
		Spec  struct {
			Default struct {
				CheckIntervalSec   int `json:"checkIntervalSec"`
				TimeoutSec         int `json:"timeoutSec"`
				HealthyThreshold   int `json:"healthyThreshold"`
				UnhealthyThreshold int `json:"unhealthyThreshold"`
				Config             struct {
					Type            string `json:"type"`
					HTTPHealthCheck struct {
						Port        int    `json:"port"`
						RequestPath string `json:"requestPath"`
					} `json:"httpHealthCheck"`
				} `json:"config"`
			} `json:"default"`
			TargetRef target `json:"targetRef"`
		} `json:"spec"`
	}
	secretProviderClass struct {
		typed `json:",inline"`
		Spec  struct {
			Provider   string `json:"provider"`
			Parameters struct {
				Secrets string `json:"secrets"`
			} `json:"parameters"`
		} `json:"spec"`
	}
	secretReference struct {
		ResourceName string `json:"resourceName"`
		Path         string `json:"path"`
	}
)
