package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const monitoring = "../../infrastructure/monitoring/"

// prometheus is a Prometheus that scrapes one server with the project's configuration,
// but at shorter intervals.
type prometheus struct {
	t   *testing.T
	url string
}

// startPrometheus starts a Prometheus that scrapes an address. Without Prometheus the
// test is skipped.
func startPrometheus(t *testing.T, metrics string) *prometheus {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not installed; it is a package of Debian's")
	}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "rules"), 0o755))
	often := regexp.MustCompile(`interval: \w+`)
	files, err := filepath.Glob(monitoring + "prometheus/rules/*.yml")
	must(t, err)
	for _, file := range append(files, monitoring+"prometheus/prometheus.yml") {
		text, err := os.ReadFile(file)
		must(t, err)
		here := strings.NewReplacer("backend:9090", metrics, "alertmanager:9093", "127.0.0.1:1").
			Replace(often.ReplaceAllString(string(text), "interval: 500ms"))
		name, err := filepath.Rel(monitoring+"prometheus", file)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(here), 0o600))
	}
	w := &prometheus{t: t, url: "http://" + freeAddress(t)}
	cmd := exec.CommandContext(t.Context(), program, "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+strings.TrimPrefix(w.url, "http://"))
	var logs output
	cmd.Stderr = &logs
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("prometheus\n%s", end(logs.String()))
		}
	})
	waitUntil(t, "Prometheus is ready", func() bool {
		a, err := trySend(t, http.MethodGet, w.url+"/-/ready", "", "")
		return err == nil && a.Status == http.StatusOK
	})
	return w
}

// resultCount is the number of values of a query; NaN does not count.
func (w *prometheus) resultCount(query string) int {
	w.t.Helper()
	var found struct {
		Error string
		Data  struct {
			Result []struct{ Value []any }
		}
	}
	a := get(w.t, w.url+"/api/v1/query?query="+url.QueryEscape(query), "")
	a.decode(&found)
	if a.Status != http.StatusOK {
		w.t.Errorf("Prometheus refuses %s: %s", query, found.Error)
	}
	numbers := 0
	for _, series := range found.Data.Result {
		if len(series.Value) == 2 && series.Value[1] != "NaN" {
			numbers++
		}
	}
	return numbers
}

// query is an expression of a rule or a panel, with its location.
type query struct {
	where, expr string
	alert       bool
}

// rules are the rules that Prometheus has loaded.
func (w *prometheus) rules() []query {
	w.t.Helper()
	var read struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Query, Type, Health, LastError string }
			}
		}
	}
	get(w.t, w.url+"/api/v1/rules", "").want(http.StatusOK).decode(&read)
	var all []query
	for _, group := range read.Data.Groups {
		for _, r := range group.Rules {
			all = append(all, query{r.Name, r.Query, r.Type == "alerting"})
			if r.Health == "err" {
				w.t.Errorf("the rule %s cannot be evaluated: %s", r.Name, r.LastError)
			}
		}
	}
	return all
}

// panels are the queries of all dashboards, as Grafana sends them.
func panels(t *testing.T) []query {
	t.Helper()
	files, err := filepath.Glob(monitoring + "grafana/dashboards/*.json")
	must(t, err)
	var all []query
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		var dashboard struct {
			Title  string
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		must(t, json.Unmarshal(text, &dashboard))
		for _, panel := range dashboard.Panels {
			if len(panel.Targets) == 0 {
				t.Errorf("%s, %s asks nothing", dashboard.Title, panel.Title)
			}
			for _, target := range panel.Targets {
				expr := strings.NewReplacer("$__rate_interval", "1m", "$namespace", ".*").Replace(target.Expr)
				all = append(all, query{dashboard.Title + ", " + panel.Title, expr, false})
			}
		}
	}
	return all
}
