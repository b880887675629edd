package deploy_test

import (
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/api/resmap"

	"github.com/codegenapp/codegenapp/internal/server"
)

// secretsPath is where Terraform says that secrets are: database URLs name it.
const secretsPath = "/var/run/secrets/codegenapp"

// TestSettings_ServerAcceptsPodSettings gives the server what its pod would have, with
// secrets of the form that Terraform makes, and lets it judge.
func TestSettings_ServerAcceptsPodSettings(t *testing.T) {
	inEach(t, func(t *testing.T, environment string, all resmap.ResMap) {
		s := settingsOf(t, all)
		if err := s.ForServe(); err != nil {
			t.Error(err)
		}
		if !s.Production() || s.MetricsAddr != ":9090" || s.Addr != ":8080" {
			t.Errorf("the server listens at %s and %s, production: %t", s.Addr, s.MetricsAddr, s.Production())
		}
		if s.GoogleProject != terraform(t, environment, "project_id") {
			t.Errorf("GOOGLE_CLOUD_PROJECT is %s, Terraform's project_id is another", s.GoogleProject)
		}
		if p := s.TrustedProxies; len(p) != 3 || p[0] != "130.211.0.0/22" || p[1] != "35.191.0.0/16" || strings.Contains(p[2], "/") {
			t.Errorf("TRUSTED_PROXIES are not Google's load balancers and one address: %v", p)
		}
	})
}

func TestSettings_NamesExist(t *testing.T) {
	example := read(t, ".env.example")
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		names := env(the[appsv1.Deployment](t, all, "backend").Spec.Template.Spec.Containers[0])
		delete(names, "GOMEMLIMIT") // Go's own
		for name := range the[corev1.ConfigMap](t, all, "settings").Data {
			names[name] = ""
		}
		for _, e := range pods(t, all)["migrate"].Containers[0].Env {
			names[e.Name] = ""
		}
		for name := range names {
			if !strings.Contains(example, "\n"+name+"=") && !strings.Contains(example, "\n"+strings.TrimSuffix(name, "_FILE")+"=") {
				t.Errorf("%s is no setting of .env.example", name)
			}
		}
	})
}

// TestSecrets_AreMountedByReference compares the files that the settings of a pod
// name with its mounts, and these with the secrets that Terraform lets it read.
func TestSecrets_AreMountedByReference(t *testing.T) {
	inEach(t, func(t *testing.T, environment string, all resmap.ResMap) {
		for account, pod := range pods(t, all) {
			c := pod.Containers[0]
			if len(pod.Volumes) != 1 || pod.Volumes[0].CSI == nil || pod.Volumes[0].CSI.VolumeAttributes["secretProviderClass"] != account {
				t.Errorf("%s does not mount the secrets of its own name alone", account)
			}
			if len(c.VolumeMounts) != 1 || c.VolumeMounts[0].MountPath != secretsPath || !c.VolumeMounts[0].ReadOnly {
				t.Errorf("%s does not find them at %s, read only", account, secretsPath)
			}
			var references []secretReference
			decode(t, the[secretProviderClass](t, all, account).Spec.Parameters.Secrets, &references)
			var paths []string
			for _, r := range references {
				paths = append(paths, r.Path)
				want := fmt.Sprintf("projects/%s/secrets/%s/versions/latest", terraform(t, environment, "project_id"), r.Path)
				if r.ResourceName != want {
					t.Errorf("%s is %s, not %s", r.Path, r.ResourceName, want)
				}
			}
			if readable := readableBy(t, account); !slices.Equal(paths, readable) {
				t.Errorf("%s mounts %v; Terraform lets it read %v", account, paths, readable)
			}
			for name, value := range env(c) {
				file, isFile := strings.CutPrefix(value, secretsPath+"/")
				if strings.HasSuffix(name, "_FILE") && (!isFile || !slices.Contains(paths, file)) {
					t.Errorf("%s of %s names %s, which is not mounted", name, account, value)
				}
			}
		}
	})
}

// The authorities of the stores are trusted for the stores alone, not for Google's keys.
func TestAuthorities_AreOfOneStoreEach(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		for account, pod := range pods(t, all) {
			names := env(pod.Containers[0])
			for _, everywhere := range []string{"SSL_CERT_DIR", "SSL_CERT_FILE"} {
				if value, set := names[everywhere]; set {
					t.Errorf("%s trusts what is in %s for every connection, by %s", account, value, everywhere)
				}
			}
		}
		if file := env(pods(t, all)["backend"].Containers[0])["REDIS_CA_FILE"]; file != secretsPath+"/redis-ca" {
			t.Errorf("REDIS_CA_FILE is %q", file)
		}
	})
	if !strings.Contains(read(t, "infrastructure/terraform/secrets.tf"), "sslmode=verify-ca&sslrootcert=${local.secrets_path}/database-ca") {
		t.Error("the database's URL does not name the database's authority")
	}
}

func TestSecrets_NoneInTheRepository(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		for _, r := range all.Resources() {
			if r.GetKind() == "Secret" {
				t.Errorf("%s is a Secret", r.GetName())
			}
			if strings.Contains(r.MustYaml(), "PRIVATE KEY") || regexp.MustCompile(`://[^/\s:]*:[^/\s@]+@`).MatchString(r.MustYaml()) {
				t.Errorf("%s %s holds a password or a key", r.GetKind(), r.GetName())
			}
		}
	})
}

// settingsOf reads the settings of the server's pod with the server's own code.
func settingsOf(t *testing.T, all resmap.ResMap) *server.Settings {
	t.Helper()
	dir := t.TempDir()
	web := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	for name, content := range map[string]string{
		"database-url":             "postgres://codegenapp_service:p@10.128.0.3:5432/codegenapp?sslmode=disable",
		"redis-url":                "rediss://:p@10.128.0.4:6378/0",
		"google-client-secret":     rand.Text(),
		"secret-key":               rand.Text() + rand.Text(),
		"jwt-secret-key":           rand.Text() + rand.Text(),
		"jwt-previous-secret-keys": rand.Text() + rand.Text(),
		"redis-ca":                 string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := the[appsv1.Deployment](t, all, "backend").Spec.Template.Spec.Containers[0]
	config := the[corev1.ConfigMap](t, all, "settings")
	if len(c.EnvFrom) != 1 || c.EnvFrom[0].ConfigMapRef == nil || c.EnvFrom[0].ConfigMapRef.Name != config.Name {
		t.Fatalf("the server does not read its settings from %s", config.Name)
	}
	var environ []string
	for name, value := range config.Data {
		environ = append(environ, name+"="+value)
	}
	for name, value := range env(c) {
		environ = append(environ, name+"="+strings.Replace(value, secretsPath, dir, 1))
	}
	s, err := server.Load(environ, filepath.Join(dir, "no.env"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// read reads a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// terraform is the value of a variable in an environment, or else its default.
func terraform(t *testing.T, environment, name string) string {
	t.Helper()
	values := read(t, "infrastructure/terraform/environments/"+environment+".tfvars")
	if found := regexp.MustCompile(`(?m)^` + name + `\s*=\s*"?([^"\n]+?)"?$`).FindStringSubmatch(values); found != nil {
		return found[1]
	}
	declared := read(t, "infrastructure/terraform/variables.tf")
	found := regexp.MustCompile(`variable "` + name + `" \{[^}]*?\n\s*default\s*=\s*"?([^"\n]+?)"?\n`).FindStringSubmatch(declared)
	if found == nil {
		t.Fatalf("Terraform has no value for %s", name)
	}
	return found[1]
}

// readableBy are the secrets that Terraform lets a service account read, sorted.
func readableBy(t *testing.T, account string) []string {
	t.Helper()
	var names []string
	lines := regexp.MustCompile(`(?m)^ +([a-z-]+) += \[(.*)\]$`).FindAllStringSubmatch(read(t, "infrastructure/terraform/secrets.tf"), -1)
	for _, line := range lines {
		if strings.Contains(line[2], `"`+account+`"`) {
			names = append(names, line[1])
		}
	}
	slices.Sort(names)
	return names
}
