package deploy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/kustomize/api/resmap"
)

func TestNetwork_DeniesByDefault(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		deny := the[networkingv1.NetworkPolicy](t, all, "default-deny").Spec
		both := []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
		if len(deny.PodSelector.MatchLabels)+len(deny.PodSelector.MatchExpressions) > 0 || !slices.Equal(deny.PolicyTypes, both) || len(deny.Ingress)+len(deny.Egress) > 0 {
			t.Errorf("not everything is denied: %+v", deny)
		}
	})
}

// TestNetwork_AllowsOnlyListedPeers spells out each way that is open, as peer and port.
func TestNetwork_AllowsOnlyListedPeers(t *testing.T) {
	names := []string{
		"169.254.169.254/32 TCP 53", "169.254.169.254/32 UDP 53", "169.254.20.10/32 TCP 53", "169.254.20.10/32 UDP 53",
		"kube-system TCP 53", "kube-system UDP 53",
	}
	want := map[string][]string{
		"backend from": {"130.211.0.0/22 TCP http", "35.191.0.0/16 TCP http", "monitoring TCP metrics"},
		"backend to":   {"0.0.0.0/0 but private TCP 443", "10.128.0.0/20 TCP 5432", "10.128.0.0/20 TCP 6378"},
		"migrate from": nil,
		"migrate to":   {"10.128.0.0/20 TCP 5432"},
		"names from":   nil,
		"names to":     names,
	}
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		count := 0
		for _, r := range all.Resources() {
			if r.GetKind() == "NetworkPolicy" {
				count++
			}
		}
		if count != 4 {
			t.Errorf("there are %d policies; of how many is said here?", count)
		}
		for _, name := range []string{"backend", "migrate", "names"} {
			policy := the[networkingv1.NetworkPolicy](t, all, name).Spec
			var from, to []string
			for _, rule := range policy.Ingress {
				from = append(from, ways(rule.From, rule.Ports)...)
			}
			for _, rule := range policy.Egress {
				to = append(to, ways(rule.To, rule.Ports)...)
			}
			slices.Sort(from)
			slices.Sort(to)
			if !slices.Equal(from, want[name+" from"]) || !slices.Equal(to, want[name+" to"]) {
				t.Errorf("%s is open from %q to %q", name, from, to)
			}
			if name != "names" && !selects(&policy.PodSelector, map[string]string{"app.kubernetes.io/name": name}) {
				t.Errorf("%s is about other pods: %+v", name, policy.PodSelector)
			}
		}
		tf := read(t, "infrastructure/terraform/network.tf")
		for _, number := range []string{"postgres_port = 5432", "redis_port    = 6378", `"10.128.0.0"`, "prefix_length = 20"} {
			if !strings.Contains(tf, number) {
				t.Errorf("Terraform has the stores elsewhere: no %s in network.tf", number)
			}
		}
	})
}

// ways are the peers of a rule at each of its ports; a rule without peers or ports
// yields "everything".
func ways(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) []string {
	if len(peers) == 0 || len(ports) == 0 {
		return []string{"everything"}
	}
	var all []string
	for _, peer := range peers {
		peerName := "everything"
		switch {
		case peer.IPBlock != nil && slices.Equal(peer.IPBlock.Except, []string{"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}):
			peerName = peer.IPBlock.CIDR + " but private"
		case peer.IPBlock != nil:
			peerName = peer.IPBlock.CIDR
		case peer.NamespaceSelector != nil && len(peer.NamespaceSelector.MatchLabels) == 1:
			peerName = peer.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"]
		}
		for _, port := range ports {
			all = append(all, fmt.Sprintf("%s %s %s", peerName, *port.Protocol, port.Port.String()))
		}
	}
	return all
}

// TestGateway_RoutesToTheServer follows a request from the host name to the container.
func TestGateway_RoutesToTheServer(t *testing.T) {
	inEach(t, func(t *testing.T, environment string, all resmap.ResMap) {
		gateway := the[gatewayv1.Gateway](t, all, "codegenapp")
		if gateway.Spec.GatewayClassName != "gke-l7-global-external-managed" || gateway.Annotations["networking.gke.io/certmap"] != "codegenapp" ||
			len(gateway.Spec.Addresses) != 1 || gateway.Spec.Addresses[0].Value != "codegenapp-gateway" {
			t.Errorf("the Gateway does not take Terraform's address and certificates: %+v", gateway)
		}
		if l := gateway.Spec.Listeners; len(l) != 1 || l[0].Protocol != gatewayv1.HTTPSProtocolType || l[0].Port != 443 {
			t.Errorf("something else than HTTPS is offered: %+v", l)
		}
		route := the[gatewayv1.HTTPRoute](t, all, "backend").Spec
		if len(route.Hostnames) != 1 || string(route.Hostnames[0]) != terraform(t, environment, "domain") {
			t.Errorf("the host is %v, Terraform's domain is another", route.Hostnames)
		}
		if p := route.ParentRefs; len(p) != 1 || string(p[0].Name) != gateway.Name || *p[0].SectionName != gateway.Spec.Listeners[0].Name {
			t.Errorf("the route hangs on %+v", p)
		}
		service := the[corev1.Service](t, all, "backend")
		if len(route.Rules) != 1 || len(route.Rules[0].BackendRefs) != 1 || string(route.Rules[0].BackendRefs[0].Name) != service.Name || *route.Rules[0].BackendRefs[0].Port != 80 {
			t.Errorf("the route leads to %+v", route.Rules)
		}
		template := the[appsv1.Deployment](t, all, "backend").Spec.Template
		ports := map[string]int32{}
		for _, p := range template.Spec.Containers[0].Ports {
			ports[p.Name] = p.ContainerPort
		}
		for _, p := range service.Spec.Ports {
			if want := map[string]int32{"http": 8080, "metrics": 9090}[p.Name]; ports[p.TargetPort.String()] != want || want == 0 {
				t.Errorf("port %s of the Service leads to %s", p.Name, p.TargetPort.String())
			}
		}
		for key, value := range service.Spec.Selector {
			if template.Labels[key] != value {
				t.Errorf("the Service selects %s=%s, which the pods are not", key, value)
			}
		}
	})
}

func TestGateway_HealthCheckAndTimeoutsMatchTheServer(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		service := target{Kind: "Service", Name: "backend"}
		check := the[healthCheckPolicy](t, all, "backend").Spec
		if http := check.Default.Config.HTTPHealthCheck; http.RequestPath != "/health/ready" || http.Port != 8080 || check.TargetRef != service {
			t.Errorf("it asks for health like this: %+v", check)
		}
		// docs/operations/redis.md: an export takes ten minutes at most.
		backend := the[backendPolicy](t, all, "backend").Spec
		if backend.Default.TimeoutSec <= 600 || backend.TargetRef != service {
			t.Errorf("it cuts long answers off: %+v", backend)
		}
		policy := the[gatewayPolicy](t, all, "codegenapp").Spec
		if policy.Default.SSLPolicy != "codegenapp" || policy.TargetRef.Kind != "Gateway" || policy.TargetRef.Name != "codegenapp" {
			t.Errorf("it speaks any TLS: %+v", policy)
		}
		// A replica leaves Google's list when two checks have failed, and must be there until then.
		pod := the[appsv1.Deployment](t, all, "backend").Spec.Template.Spec
		sleep := pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds
		if unnoticed := check.Default.CheckIntervalSec * check.Default.UnhealthyThreshold; int(sleep) < unnoticed {
			t.Errorf("preStop sleeps %d s; Google may take %d s to notice", sleep, unnoticed)
		}
	})
}

func TestServiceMonitor_FindsTheServer(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		monitor := the[monitoringv1.ServiceMonitor](t, all, "backend").Spec
		service := the[corev1.Service](t, all, "backend")
		if len(monitor.Endpoints) != 1 || monitor.Endpoints[0].Port != "metrics" || monitor.Endpoints[0].Path != "/metrics" {
			t.Errorf("it scrapes %+v", monitor.Endpoints)
		}
		if !selects(&monitor.Selector, service.Labels) {
			t.Error("it selects another Service")
		}
		metrics := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == "metrics" })
		if addr := settingsOf(t, all).MetricsAddr; metrics < 0 || addr != fmt.Sprintf(":%d", service.Spec.Ports[metrics].Port) {
			t.Errorf("METRICS_ADDR is %s, the Service has %+v", addr, service.Spec.Ports)
		}
	})
}
