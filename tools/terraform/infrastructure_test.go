package terraform

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

const infrastructure = "../../infrastructure/terraform"

func TestInfrastructure_IsConsistent(t *testing.T) {
	t.Parallel()
	found, err := Check(infrastructure)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range found {
		t.Error(problem)
	}
}

// Pools are reckoned with the service's own defaults, which the overlays leave.
func TestInfrastructure_PoolMatchesTheService(t *testing.T) {
	t.Parallel()
	m, err := load(infrastructure)
	if err != nil {
		t.Fatal(err)
	}
	settings := settings(t)
	defaults := map[string]string{}
	for _, block := range m.of("variable") {
		if attribute := block.Body.Attributes["default"]; attribute != nil {
			value, _ := attribute.Expr.Value(nil)
			if value.Type() == cty.Number {
				defaults[block.Labels[0]] = value.AsBigFloat().String()
			}
		}
	}
	for variable, setting := range map[string]string{
		"database_pool_size":    "DATABASE_POOL_SIZE",
		"database_max_overflow": "DATABASE_MAX_OVERFLOW",
	} {
		if got, want := defaults[variable], settings[setting]; got != want || want == "" {
			t.Errorf("var.%s is %q by default; the service's %s is %q", variable, got, setting, want)
		}
	}
}

// A secret is mounted as a file for the setting of its name.
func TestInfrastructure_SecretsAreNamedLikeSettings(t *testing.T) {
	t.Parallel()
	m, err := load(infrastructure)
	if err != nil {
		t.Fatal(err)
	}
	secrets, diags := m.locals["secrets"].Value(&hcl.EvalContext{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	settings := settings(t)
	others := regexp.MustCompile(`-ca$|^database-(owner|service)-password$`)
	for name := range secrets.AsValueMap() {
		setting := strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		if _, ok := settings[setting]; !ok && !others.MatchString(name) {
			t.Errorf("The secret %s is of no setting: .env.example has no %s.", name, setting)
		}
	}
}

// GitHub's token counts if the repository has the right number, since another one can
// take over a name; and if the job is of a branch or tag that may deploy.
func TestInfrastructure_DeploysFromOneRepository(t *testing.T) {
	t.Parallel()
	m, err := load(infrastructure)
	if err != nil {
		t.Fatal(err)
	}
	for environment, want := range map[string]string{
		"prod":    `assertion.repository_id == '42' && assertion.environment == 'prod' && assertion.ref == 'refs/heads/main'`,
		"staging": `assertion.repository_id == '42' && assertion.environment == 'staging' && (assertion.ref == 'refs/heads/main' || assertion.ref.startsWith('refs/tags/v'))`,
	} {
		variables := map[string]cty.Value{"environment": cty.StringVal(environment), "github_repository_id": cty.StringVal("42")}
		scope := &hcl.EvalContext{Variables: map[string]cty.Value{"var": cty.ObjectVal(variables), "local": m.evaluated(variables)}}
		checked := false
		for _, block := range m.of("resource") {
			if block.Labels[0] != "google_iam_workload_identity_pool_provider" {
				continue
			}
			got, diags := block.Body.Attributes["attribute_condition"].Expr.Value(scope)
			if diags.HasErrors() || got.AsString() != want {
				t.Errorf("%s accepts the tokens with %#v (%v), want those with\n%s", environment, got, diags, want)
			}
			checked = true
		}
		if !checked {
			t.Errorf("%s accepts no token of GitHub", environment)
		}
	}
}

// settings reads the names and defaults of the service's settings.
func settings(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(name, "#") {
			found[name] = value
		}
	}
	return found
}
