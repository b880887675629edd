package deploy_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/resmap"
)

// excused are checks of kube-score that the overlays do not follow, and why.
var excused = map[string]string{
	"container-resources": "no limit of processors: the request keeps the share, and a limit would hold requests up while processors are idle. " +
		"Memory has a limit: TestPods_MemoryIsBounded",
	"container-image-pull-policy":         "an image is named by its digest, so what is there already is the same; Always would need the registry at each restart",
	"deployment-has-host-podantiaffinity": "topologySpreadConstraints spread over nodes, too: TestPods_AreSpreadOverZonesAndNodes",
}

// scored is what kube-score says of one object.
type scored struct {
	Name   string `json:"object_name"`
	Checks []struct {
		Check struct {
			ID string `json:"id"`
		} `json:"check"`
		Grade    int  `json:"grade"`
		Skipped  bool `json:"skipped"`
		Comments []struct {
			Path    string `json:"path"`
			Summary string `json:"summary"`
		} `json:"comments"`
	} `json:"checks"`
}

// fullGrade is what a check gives that finds nothing.
const fullGrade = 10

// TestOverlays_KubeScoreFindsNothing runs kube-score on each overlay, and expects the full
// grade of every check that is not excused.
func TestOverlays_KubeScoreFindsNothing(t *testing.T) {
	inEach(t, func(t *testing.T, _ string, all resmap.ResMap) {
		rendered, err := all.AsYaml()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile="+root+"/tools/go.mod", "kube-score", "score", "--output-format", "json", "-")
		cmd.Stdin = strings.NewReader(string(rendered))
		out, err := cmd.Output() // it also fails for what it finds
		var objects []scored
		if err := json.Unmarshal(out, &objects); err != nil {
			t.Fatalf("kube-score says no JSON: %v", err)
		}
		checks, met := 0, map[string]bool{}
		for _, object := range objects {
			for _, check := range object.Checks {
				if check.Skipped {
					continue
				}
				checks++
				if check.Grade >= fullGrade {
					continue
				}
				met[check.Check.ID] = true
				if excused[check.Check.ID] == "" {
					t.Errorf("%s: %s: %v", object.Name, check.Check.ID, check.Comments)
				}
			}
		}
		for id := range excused {
			if !met[id] {
				t.Errorf("%s needs no excuse", id)
			}
		}
		if checks < 30 {
			t.Errorf("%d checks were made, and kube-score ended with %v", checks, err)
		}
	})
}
