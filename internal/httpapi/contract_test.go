package httpapi_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pb33f/libopenapi/utils"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// document is the part of the contract that these tests read.
type document struct {
	OpenAPI string                          `json:"openapi"`
	Servers []struct{ URL string }          `json:"servers"`
	Paths   map[string]map[string]operation `json:"paths"`

	Components struct{ Responses map[string]response } `json:"components"`
}

type operation struct {
	OperationID string `json:"operationId"`
	Summary     string
	Description string
	Tags        []string
	Security    []map[string][]string
	RequestBody struct {
		Required bool
		Content  map[string]any
	}
	Responses map[string]response
}

type response struct {
	Ref         string `json:"$ref"`
	Description string
	Headers     map[string]any
	Content     map[string]any
}

func readYAML(t *testing.T, text []byte) (whole map[string]any) {
	t.Helper()
	asJSON, err := utils.ConvertYAMLtoJSON(text)
	if err != nil {
		t.Fatalf("read YAML: %v", err)
	}
	if err := json.Unmarshal(asJSON, &whole); err != nil {
		t.Fatalf("read YAML: %v", err)
	}
	return whole
}

func TestContract_JSONEqualsYAML(t *testing.T) {
	t.Parallel()
	anybody := testkit.Start(t).Anonymous(t)
	asJSON, asYAML := anybody.Get("/api/v1/openapi.json").Want(200), anybody.Get("/api/v1/openapi.yaml").Want(200)
	if diff := cmp.Diff(asJSON.JSON(), readYAML(t, asYAML.Body)); diff != "" {
		t.Errorf("contract (-JSON +YAML):\n%s", diff)
	}
	for media, answer := range map[string]*testkit.Response{"application/json": asJSON, "application/yaml": asYAML} {
		if got := answer.Header.Get("Content-Type"); got != media {
			t.Errorf("Content-Type = %s, want %s", got, media)
		}
	}
}

func TestContract_CommittedFileIsServed(t *testing.T) {
	t.Parallel()
	committed, err := os.ReadFile("../../api/openapi.yaml")
	if err != nil {
		t.Fatalf("the contract is not committed: %v; make generate writes it", err)
	}
	served := testkit.Start(t).Anonymous(t).Get("/api/v1/openapi.yaml").Want(200)
	want, got := readYAML(t, committed), readYAML(t, served.Body)
	for _, contract := range []map[string]any{want, got} {
		delete(contract["info"].(map[string]any), "version") // belongs to the program, not to the contract
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contract (-committed +served); make generate brings it up to date:\n%s", diff)
	}
}

func TestContract_DescribesEveryOperation(t *testing.T) {
	t.Parallel()
	var contract document
	testkit.Start(t).Anonymous(t).Get("/api/v1/openapi.json").Want(200).Decode(&contract)
	if !strings.HasPrefix(contract.OpenAPI, "3.1") || len(contract.Servers) != 1 || contract.Servers[0].URL != "/api/v1" {
		t.Errorf("OpenAPI %s at %v", contract.OpenAPI, contract.Servers)
	}
	seen := map[string]string{}
	for path, item := range contract.Paths {
		for method, op := range item {
			name := strings.ToUpper(method) + " " + path
			if op.OperationID == "" || op.Summary == "" || op.Description == "" || len(op.Tags) != 1 {
				t.Errorf("%s has the id %q, the summary %q, the description %q and the tags %v", name, op.OperationID, op.Summary, op.Description, op.Tags)
			}
			if other, ok := seen[op.OperationID]; ok {
				t.Errorf("%s and %s share the id %s", name, other, op.OperationID)
			}
			seen[op.OperationID] = name
			for status, answer := range op.Responses {
				if shared, ok := strings.CutPrefix(answer.Ref, "#/components/responses/"); ok {
					op.Responses[status] = contract.Components.Responses[shared]
				}
			}
			checkDocumented(t, name, op)
		}
	}
	for _, name := range []string{"login", "beginSignIn", "finishSignIn", "listProjects", "createProject", "getProject", "replaceProject", "patchProject", "trashProject", "restoreProject"} {
		if seen[name] == "" {
			t.Errorf("the contract lacks %s", name)
		}
	}
}

// checkDocumented checks what follows from the kind of an operation.
func checkDocumented(t *testing.T, name string, op operation) {
	t.Helper()
	method, path, _ := strings.Cut(name, " ")
	want := []string{"400", "429", "500", "503"}
	if !strings.HasPrefix(path, "/auth/") {
		want = append(want, "401")
		if len(op.Security) < 1 || len(op.Security) > 2 || op.Security[0]["bearer"] == nil || len(op.Security) == 2 && op.Security[1]["token"] == nil {
			t.Errorf("%s requires %v, not a session, or a session or API token", name, op.Security)
		}
	}
	if strings.Contains(path, "{id}") {
		want = append(want, "404")
	}
	if len(op.RequestBody.Content) > 0 {
		want = append(want, "408", "413", "415", "422")
		if !op.RequestBody.Required && path != "/auth/logout" && path != "/auth/refresh" && !strings.HasSuffix(path, "/restore") { // a cookie may replace the whole body; without one a resource leaves the trash
			t.Errorf("%s says that its body is optional", name)
		}
	}
	// A resource with a version has conditional writes.
	noun, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if slices.Contains([]string{"projects", "specs", "items"}, noun) && slices.Contains([]string{"PUT", "PATCH", "DELETE"}, method) && !strings.HasSuffix(path, "/history") && !strings.HasSuffix(path, "_id}") {
		want = append(want, "412")
	}
	if method == "GET" && strings.HasSuffix(path, "{id}") && noun != "baselines" { // which have no version
		want = append(want, "304")
	}
	for _, status := range want {
		if _, ok := op.Responses[status]; !ok {
			t.Errorf("%s does not document %s", name, status)
		}
	}
	if _, merge := op.RequestBody.Content["application/merge-patch+json"]; merge != (method == "PATCH") {
		t.Errorf("%s accepts %v", name, op.RequestBody.Content)
	}
	for status, answer := range op.Responses {
		if answer.Description == "" {
			t.Errorf("%s does not describe %s", name, status)
		}
		if _, ok := answer.Content["application/problem+json"]; ok != (status >= "400") {
			t.Errorf("%s responds %s with %v", name, status, answer.Content)
		}
		headers := map[string][]string{"401": {"WWW-Authenticate"}, "503": {"Retry-After"}, "429": {"Retry-After"}}[status]
		if status < "300" || status == "429" {
			headers = append(headers, "RateLimit-Policy", "RateLimit", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
		}
		for _, header := range headers {
			if answer.Headers[header] == nil {
				t.Errorf("%s does not document %s of %s", name, header, status)
			}
		}
	}
}
