package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// These tests are about what generated clients and the reference make of the contract.

// tree is the contract as plain JSON.
func tree(t *testing.T) map[string]any {
	t.Helper()
	var whole map[string]any
	body := testkit.Start(t).Anonymous(t).Get("/api/v1/openapi.json").Want(200).Body
	if err := json.Unmarshal(body, &whole); err != nil {
		t.Fatal(err)
	}
	return whole
}

// schemasBelow adds the names of all schemas that a part of the contract refers to.
func schemasBelow(names map[string]bool, schemas map[string]any, part any) {
	switch part := part.(type) {
	case map[string]any:
		for key, value := range part {
			ref, _ := value.(string)
			name, isSchema := strings.CutPrefix(ref, "#/components/schemas/")
			if key == "$ref" && isSchema && !names[name] {
				names[name] = true
				schemasBelow(names, schemas, schemas[name])
			}
			schemasBelow(names, schemas, value)
		}
	case []any:
		for _, value := range part {
			schemasBelow(names, schemas, value)
		}
	}
}

// eachOperation calls do with every operation of the contract.
func eachOperation(whole map[string]any, do func(name string, op map[string]any)) {
	for path, item := range whole["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			do(method+" "+path, op.(map[string]any))
		}
	}
}

// A client that validates responses must not fail at a field of a later version. A
// request with an unknown field is rejected.
func TestContract_ResponsesMayGetNewFields(t *testing.T) {
	t.Parallel()
	whole := tree(t)
	schemas := whole["components"].(map[string]any)["schemas"].(map[string]any)
	requests := map[string]bool{}
	eachOperation(whole, func(_ string, op map[string]any) { schemasBelow(requests, schemas, op["requestBody"]) })
	if len(requests) == 0 {
		t.Fatal("no request has a schema")
	}
	for name, schema := range schemas {
		schema := schema.(map[string]any)
		closed := schema["additionalProperties"] == false
		if schema["type"] == "object" && closed != requests[name] {
			t.Errorf("%s rejects unknown fields: %t, is in requests: %t", name, closed, requests[name])
		}
	}
}

// The reference sends examples of headers with the requests that it tries, and a
// condition or a key that is not meant makes them fail. So the description has them.
func TestContract_HeadersHaveNoExampleValues(t *testing.T) {
	t.Parallel()
	described := map[string]bool{}
	eachOperation(tree(t), func(name string, op map[string]any) {
		parameters, _ := op["parameters"].([]any)
		for _, p := range parameters {
			p := p.(map[string]any)
			if p["in"] != "header" {
				continue
			}
			schema := p["schema"].(map[string]any)
			for _, keyword := range []string{"example", "examples", "default"} {
				if p[keyword] != nil || schema[keyword] != nil {
					t.Errorf("%s: %s has the keyword %s", name, p["name"], keyword)
				}
			}
			if strings.Contains(p["description"].(string), "For example `") {
				described[p["name"].(string)] = true
			}
		}
	})
	for _, header := range []string{"If-Match", "If-None-Match", "Idempotency-Key"} {
		if !described[header] {
			t.Errorf("no description of %s has an example", header)
		}
	}
}

// In an empty specification, there is no position besides the first one.
func TestContract_ExampleOfAnItemFitsAnEmptySpecification(t *testing.T) {
	t.Parallel()
	tried := false
	eachOperation(tree(t), func(name string, op map[string]any) {
		if name != "post /specs/{id}/items" {
			return
		}
		tried = true
		body := op["requestBody"].(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)
		example := body["example"].(map[string]any)
		if _, ok := example["order"]; ok || example["content"] == nil {
			t.Errorf("the example is %v", example)
		}
	})
	if !tried {
		t.Error("there is no such operation")
	}
}

// In a generated client for browsers, Event would hide the type of the DOM.
func TestContract_SchemaNamesAreNotThoseOfTheBrowser(t *testing.T) {
	t.Parallel()
	schemas := tree(t)["components"].(map[string]any)["schemas"].(map[string]any)
	for _, name := range []string{"Event", "Error", "Request", "Response", "Headers", "Body", "Document", "Element", "Node", "Location", "History", "Selection", "File"} {
		if schemas[name] != nil {
			t.Errorf("there is a schema %s", name)
		}
	}
	for _, name := range []string{"AuditEvent", "FieldError", "Problem"} {
		if schemas[name] == nil {
			t.Errorf("there is no schema %s", name)
		}
	}
}
