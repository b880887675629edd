package client

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pb33f/libopenapi"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// What is served is what the command prints, and so what is committed: nothing
// in it depends on the build, on settings, or on chance.
func TestContract_ServedEqualsPrinted(t *testing.T) {
	t.Parallel()
	caller := testkit.Start(t).Anonymous(t)
	for path, yaml := range map[string]bool{"/api/v1/openapi.json": false, "/api/v1/openapi.yaml": true} {
		served := bytes.TrimSpace(caller.Get(path).Want(200).Body)
		for range 5 {
			var printed bytes.Buffer
			must(t, server.Contract(&printed, yaml))
			if diff := cmp.Diff(printed.String(), string(served)+"\n"); diff != "" {
				t.Fatalf("%s (-printed +served):\n%s", path, diff)
			}
		}
	}
}

func TestContract_JSONEqualsYAML(t *testing.T) {
	t.Parallel()
	var inJSON, inYAML bytes.Buffer
	must(t, server.Contract(&inJSON, false))
	must(t, server.Contract(&inYAML, true))
	document, err := libopenapi.NewDocument(inYAML.Bytes())
	must(t, err)
	var fromJSON, fromYAML any
	must(t, json.Unmarshal(inJSON.Bytes(), &fromJSON))
	must(t, json.Unmarshal(*document.GetSpecInfo().GetSpecJSONBytes(), &fromYAML))
	if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
		t.Errorf("(-JSON +YAML):\n%s", diff)
	}
}
