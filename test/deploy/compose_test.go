package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/codegenapp/codegenapp/internal/server"
)

const composeFile = "docker/docker-compose.yml"

// project is the compose file by the library of docker compose itself, which holds
// it against the schema of the specification and resolves what it refers to.
func project(t *testing.T) *types.Project {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, composeFile))
	if err != nil {
		t.Fatal(err)
	}
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  filepath.Dir(path),
		ConfigFiles: []types.ConfigFile{{Filename: path}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SetProjectName("codegenapp", true) })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCompose_StartsInOrder(t *testing.T) {
	p := project(t)
	for service, after := range map[string]map[string]string{
		"postgres": {"secrets": "service_completed_successfully"},
		"migrate":  {"postgres": "service_healthy"},
		"backend":  {"migrate": "service_completed_successfully", "redis": "service_healthy"},
		"grafana":  {"secrets": "service_completed_successfully"},
	} {
		for other, condition := range after {
			if got := p.Services[service].DependsOn[other].Condition; got != condition {
				t.Errorf("%s waits for %s until %q", service, other, got)
			}
			if condition == types.ServiceConditionHealthy && p.Services[other].HealthCheck == nil {
				t.Errorf("%s is never healthy", other)
			}
		}
	}
	if got := p.Services["migrate"].Command; strings.Join(got, " ") != "migrate up" {
		t.Errorf("migrations run %q", got)
	}
	if p.Services["backend"].Build.Dockerfile != "docker/Dockerfile" || p.Services["backend"].Build.Context != filepath.Join(p.WorkingDir, "..") {
		t.Errorf("the server is built by %+v", p.Services["backend"].Build)
	}
}

func TestCompose_PathsExist(t *testing.T) {
	for name, service := range project(t).Services {
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(volume.Source); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestCompose_ListensOnLoopbackOnly(t *testing.T) {
	inside := map[string]uint32{"backend": 8080, "prometheus": 9090, "grafana": 3000}
	p := project(t)
	for name, service := range p.Services {
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" || port.Target != inside[name] {
				t.Errorf("%s: port %d at %q", name, port.Target, port.HostIP)
			}
			delete(inside, name)
		}
	}
	if len(inside) > 0 {
		t.Errorf("no service reaches %v", inside)
	}
	if !p.Networks["stores"].Internal {
		t.Error("the stores reach the internet")
	}
	if !strings.Contains(strings.Join(lastStage(t, "docker/Dockerfile"), "\n"), "EXPOSE 8080 9090") {
		t.Error("the image listens elsewhere")
	}
}

// TestCompose_SettingsAreValid draws the secrets as the stack does, and lets the
// server judge its settings.
func TestCompose_SettingsAreValid(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(root, "docker/draw-secrets.sh")
	draw := func() string {
		if out, err := exec.CommandContext(t.Context(), "sh", script, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		content, err := os.ReadFile(filepath.Join(dir, "secret-key"))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	if first, again := draw(), draw(); first != again {
		t.Error("a second start draws other secrets, which the database does not know")
	}
	example := read(t, ".env.example")
	for _, name := range []string{"backend", "migrate"} {
		var environ []string
		for setting, value := range project(t).Services[name].Environment {
			if !strings.Contains(example, "\n"+strings.TrimSuffix(setting, "_FILE")+"=") {
				t.Errorf("%s: %s is no setting of .env.example", name, setting)
			}
			environ = append(environ, setting+"="+strings.Replace(*value, "/run/secrets/codegenapp", dir, 1))
		}
		s, err := app.Load(environ, filepath.Join(dir, "no.env"))
		if err != nil {
			t.Fatal(err)
		}
		judge := map[string]func() error{"backend": s.ForServe, "migrate": s.ForMigrate}[name]
		if err := judge(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCompose_SecretsAreGenerated: each file of the volume that a service names is generated.
func TestCompose_SecretsAreGenerated(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "sh", filepath.Join(root, "docker/draw-secrets.sh"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text := read(t, composeFile) + strings.ReplaceAll(read(t, "docker/create-roles.sh"), "$secrets", "/run/secrets/codegenapp")
	named := regexp.MustCompile(`/run/secrets/codegenapp/([a-z-]+)`).FindAllStringSubmatch(text, -1)
	if len(named) < 8 {
		t.Errorf("only %d are named", len(named))
	}
	for _, found := range named {
		if _, err := os.Stat(filepath.Join(dir, found[1])); err != nil {
			t.Error(err)
		}
	}
	if strings.Contains(text, "PASSWORD:") || regexp.MustCompile(`postgres://[^/]*:[^$/@]*@`).MatchString(text) {
		t.Error("a password is typed into the files")
	}
}
