package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/codegenapp/codegenapp/internal/server"
)

const composeFile = "docker/docker-compose.yml"

// project is the compose file by the library of docker compose itself, which holds
// it against the schema of the specification and resolves what it refers to. The
// environment is that of the command.
func project(t *testing.T, environment ...string) *types.Project {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, composeFile))
	if err != nil {
		t.Fatal(err)
	}
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  filepath.Dir(path),
		ConfigFiles: []types.ConfigFile{{Filename: path}},
		Environment: types.NewMapping(environment),
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
	inside := map[string][]uint32{"backend": {8080, 8081}, "prometheus": {9090}, "grafana": {3000}}
	p := project(t)
	for name, service := range p.Services {
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" || !slices.Contains(inside[name], port.Target) {
				t.Errorf("%s: port %d at %q", name, port.Target, port.HostIP)
			}
			inside[name] = slices.DeleteFunc(inside[name], func(p uint32) bool { return p == port.Target })
		}
	}
	for name, ports := range inside {
		if len(ports) > 0 {
			t.Errorf("%s: nothing publishes %v", name, ports)
		}
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
		content, err := os.ReadFile(filepath.Join(dir, "backend", "secret-key"))
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
			environ = append(environ, setting+"="+strings.Replace(*value, "/run/secrets/codegenapp", filepath.Join(dir, name), 1))
		}
		s, err := server.Load(environ, filepath.Join(dir, "no.env"))
		if err != nil {
			t.Fatal(err)
		}
		judge := map[string]func() error{"backend": s.ForServe, "migrate": s.ForMigrate}[name]
		if err := judge(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCompose_ServiceReadsItsOwnSecretsOnly compares what a service names with what is
// generated for it, and with what it mounts.
func TestCompose_ServiceReadsItsOwnSecretsOnly(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "sh", filepath.Join(root, "docker/draw-secrets.sh"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	generated := map[string][]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		service := filepath.Base(filepath.Dir(file))
		generated[service] = append(generated[service], filepath.Base(file))
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o400 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	for name, service := range project(t).Services {
		if name == "secrets" {
			continue // it generates all of them
		}
		for _, volume := range service.Volumes {
			if strings.HasPrefix(volume.Source, "secrets") && (volume.Source != "secrets-"+name || !volume.ReadOnly) {
				t.Errorf("%s mounts %s, read-only: %t", name, volume.Source, volume.ReadOnly)
			}
		}
		text := ""
		for setting, value := range service.Environment {
			text += setting + "=" + *value + "\n"
		}
		if name == "postgres" {
			text += strings.ReplaceAll(read(t, "docker/create-roles.sh"), "$secrets", "/run/secrets/codegenapp")
		}
		var named []string
		for _, found := range regexp.MustCompile(`/run/secrets/codegenapp/([a-z-]+)`).FindAllStringSubmatch(text, -1) {
			named = append(named, found[1])
		}
		slices.Sort(named)
		if !slices.Equal(slices.Compact(named), generated[name]) {
			t.Errorf("%s names %v, and %v are generated for it", name, named, generated[name])
		}
	}
	text := read(t, composeFile)
	if strings.Contains(text, "PASSWORD:") || regexp.MustCompile(`postgres://[^/]*:[^$/@]*@`).MatchString(text) {
		t.Error("a password is typed into the files")
	}
}

// TestCompose_UsersSignInWithoutGoogle: the issuer has one address for the backend and
// for a browser on this machine. A client of Google's is enough to use Google instead.
func TestCompose_UsersSignInWithoutGoogle(t *testing.T) {
	const client, google = "42.apps.googleusercontent.com", "https://accounts.google.com"
	for name, tc := range map[string]struct {
		environment            []string
		client, secret, issuer string
	}{
		"nothing is set":       {nil, "local", "", "http://localhost:8081"},
		"an empty client":      {[]string{"GOOGLE_CLIENT_ID="}, "local", "", "http://localhost:8081"},
		"a client":             {[]string{"GOOGLE_CLIENT_ID=" + client}, client, "", google},
		"a client's secret":    {[]string{"GOOGLE_CLIENT_ID=" + client, "GOOGLE_CLIENT_SECRET=s $1"}, client, "s $1", google},
		"an issuer of its own": {[]string{"GOOGLE_CLIENT_ID=" + client, "GOOGLE_ISSUER_URL=https://issuer.example"}, client, "", "https://issuer.example"},
		"another port for it":  {[]string{"GOOGLE_ISSUER_URL=http://localhost:9999"}, "local", "", "http://localhost:9999"},
	} {
		t.Run(name, func(t *testing.T) {
			p := project(t, tc.environment...)
			backend, issuer := p.Services["backend"], p.Services["issuer"]
			for _, service := range []types.ServiceConfig{backend, issuer} {
				for setting, want := range map[string]string{
					"GOOGLE_CLIENT_ID": tc.client, "GOOGLE_CLIENT_SECRET": tc.secret, "GOOGLE_ISSUER_URL": tc.issuer, "APP_ENV": "development",
				} {
					if got := service.Environment[setting]; got == nil || *got != want {
						t.Errorf("%s: %s is %v, want %q", service.Name, setting, got, want)
					}
				}
			}
			if issuer.NetworkMode != "service:backend" || strings.Join(issuer.Command, " ") != "issuer" {
				t.Errorf("the issuer runs %q in the network %q", issuer.Command, issuer.NetworkMode)
			}
		})
	}
}
