package httpapi_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestMetrics_CountCacheResults(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	project := ann.Post("/api/v1/projects", map[string]any{"title": "Secret plans"}).Want(201).JSON()["id"].(string)
	ann.Get("/api/v1/projects?hidden=1").WantProblem(400, "invalid_parameter")
	for range 3 {
		ann.Get("/api/v1/projects/" + project).Want(200)
	}
	got := string(s.Anonymous(t).Get("/metrics").Want(200).Body)
	for _, want := range []string{
		`cache_requests_total{result="hit",route="/api/v1/projects/{id}"} 2`,
		`cache_requests_total{result="miss",route="/api/v1/projects/{id}"} 1`,
		`cache_hit_ratio 0.5`,
		`request_duration_seconds_count{method="POST",route="/api/v1/projects",status="201"} 1`,
		`request_duration_seconds_count{method="GET",route="/api/v1/projects",status="400"} 1`,
		`database_connections_max 15`,
		`requests_in_flight 1`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("the metrics have no line %s", want)
		}
	}
	for _, secret := range []string{project, ann.User, "Secret", "hidden", ann.Token} {
		if strings.Contains(got, secret) {
			t.Errorf("the metrics hold %q", secret)
		}
	}
}

var documentedMetric = regexp.MustCompile("(?m)^\\| (`[a-z_]+`(?:, `[a-z_]+`)*)(?: \\*)? \\|")

func TestMetrics_EachIsDocumented(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	s.SignUp(t).Get("/api/v1/projects").Want(200)
	s.Anonymous(t).Get("/nothing").Want(404)
	page, err := os.ReadFile("../../docs/operations/health-and-metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Metrics\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var documented []string
	for _, line := range documentedMetric.FindAllStringSubmatch(section, -1) {
		first := ""
		for name := range strings.SplitSeq(line[1], ", ") {
			name = strings.Trim(name, "`")
			if short, ok := strings.CutPrefix(name, "_"); ok {
				name = first[:strings.LastIndex(first, "_")+1] + short
			}
			first = name
			documented = append(documented, name)
		}
	}
	var has []string
	for line := range strings.Lines(string(s.Anonymous(t).Get("/metrics").Want(200).Body)) {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ = strings.Cut(name, " ")
			if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
				has = append(has, name)
			}
		}
	}
	slices.Sort(documented)
	slices.Sort(has)
	if !slices.Equal(documented, has) {
		t.Errorf("docs/operations/health-and-metrics.md documents %v, the server has %v", documented, has)
	}
}

func TestMetrics_PassPromtool(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed; it comes with Debian's prometheus")
	}
	s := testkit.StartShared(t)
	s.SignUp(t).Get("/api/v1/projects").Want(200)
	check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	check.Stdin = strings.NewReader(string(s.Anonymous(t).Get("/metrics").Want(200).Body))
	if output, err := check.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, output)
	}
}
