package server_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/server"
)

var servingMetrics = regexp.MustCompile(`"serving metrics".*?"address":"([^"]+)"`)

func TestMetrics_SeparateAddress(t *testing.T) {
	t.Parallel()
	r := newFixture(t).run(t, func(*server.App) {}, "METRICS_ADDR=127.0.0.1:0")
	defer r.end(t)
	var at []string
	for began := time.Now(); at == nil && time.Since(began) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
		at = servingMetrics.FindStringSubmatch(r.log.String())
	}
	if at == nil {
		t.Fatalf("the log does not say where metrics are: %s", r.log)
	}
	status, response := call(t, http.MethodGet, "http://"+at[1]+"/metrics", "", "")
	if status != http.StatusOK || !strings.Contains(response, "\nserver_ready ") {
		t.Errorf("metrics got %d %s", status, response)
	}
	for _, code := range problem.Codes() { // else a panel shows nothing until the first
		if !strings.Contains(response, `problems_total{code="`+string(code)+`"} 0`) {
			t.Errorf("the metrics do not count %s from the start", code)
		}
	}
	if status, _ := call(t, http.MethodGet, "http://"+at[1]+"/api/v1/projects", "", ""); status != http.StatusNotFound {
		t.Errorf("the address of metrics serves the API: %d", status)
	}
	if status, _ := call(t, http.MethodGet, r.url+"/metrics", "", ""); status != http.StatusNotFound {
		t.Errorf("/metrics is still where callers are: %d", status)
	}
}
