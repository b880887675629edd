package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// reportOf returns what a report prints for the events.
func reportOf(events string) string {
	var out strings.Builder
	r := newReport(&out, time.Now)
	for line := range strings.Lines(events) {
		r.add([]byte(line))
	}
	r.finish()
	return out.String()
}

func TestReport_PrintsResultsAsPackagesEnd(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ events, want string }{
		"passed: the line of go test alone": {
			events: `{"Action":"start","Package":"m/a"}
{"Action":"output","Package":"m/a","Test":"TestX","Output":"=== RUN   TestX\n"}
{"Action":"output","Package":"m/a","Test":"TestX","Output":"    x_test.go:1: a log\n"}
{"Action":"output","Package":"m/a","Test":"TestX","Output":"--- PASS: TestX (0.00s)\n"}
{"Action":"pass","Package":"m/a","Test":"TestX"}
{"Action":"output","Package":"m/a","Output":"PASS\n"}
{"Action":"output","Package":"m/a","Output":"ok  \tm/a\t0.1s\n"}
{"Action":"pass","Package":"m/a"}
`,
			want: "ok  \tm/a\t0.1s\n",
		},
		"failed: the output of the failed test, and the line again at the end": {
			events: `{"Action":"output","Package":"m/a","Test":"TestX","Output":"    x_test.go:1: fine\n"}
{"Action":"output","Package":"m/a","Test":"TestY/sub","Output":"    y_test.go:1: wrong\n"}
{"Action":"output","Package":"m/a","Test":"TestY/sub","Output":"    --- FAIL: TestY/sub (0.00s)\n"}
{"Action":"fail","Package":"m/a","Test":"TestY/sub"}
{"Action":"output","Package":"m/a","Test":"TestY","Output":"--- FAIL: TestY (0.00s)\n"}
{"Action":"fail","Package":"m/a","Test":"TestY"}
{"Action":"pass","Package":"m/a","Test":"TestX"}
{"Action":"output","Package":"m/a","Output":"FAIL\n"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a\t0.1s\n"}
{"Action":"fail","Package":"m/a"}
{"Action":"output","Package":"m/b","Output":"ok  \tm/b\t(cached)\n"}
{"Action":"pass","Package":"m/b"}
`,
			want: "    y_test.go:1: wrong\n    --- FAIL: TestY/sub (0.00s)\n--- FAIL: TestY (0.00s)\nFAIL\nFAIL\tm/a\t0.1s\nok  \tm/b\t(cached)\n\nFAIL\tm/a\t0.1s\nFAIL\n",
		},
		"a panic: the output of the test that did not end": {
			events: `{"Action":"output","Package":"m/a","Test":"TestX","Output":"panic: oh\n"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a\t0.1s\n"}
{"Action":"fail","Package":"m/a"}
`,
			want: "panic: oh\nFAIL\tm/a\t0.1s\n\nFAIL\tm/a\t0.1s\nFAIL\n",
		},
		"a package that does not compile": {
			events: `{"ImportPath":"m/a","Action":"build-output","Output":"a.go:1: syntax error\n"}
{"ImportPath":"m/a","Action":"build-fail"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a [build failed]\n"}
{"Action":"fail","Package":"m/a","FailedBuild":"m/a"}
`,
			want: "a.go:1: syntax error\nFAIL\tm/a [build failed]\n\nFAIL\tm/a [build failed]\nFAIL\n",
		},
		"a message of the go command, and a package without tests": {
			events: "go: no such tool\n" + `{"Action":"output","Package":"m/c","Output":"?   \tm/c\t[no test files]\n"}
{"Action":"skip","Package":"m/c"}
`,
			want: "go: no such tool\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, reportOf(tc.events)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestReport_ProgressNamesWhatRuns(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	r := newReport(&strings.Builder{}, func() time.Time { return now })
	if got := r.progress(time.Minute); got != "" {
		t.Errorf("at once: %q", got)
	}
	now = now.Add(time.Minute)
	if got, want := r.progress(time.Minute), "# after 60 s: 0 packages have ended; running: the compiler"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.add([]byte(`{"Action":"start","Package":"m/a"}`))
	now = now.Add(time.Minute)
	if got, want := r.progress(time.Minute), "# after 120 s: 0 packages have ended; running: a (60 s)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
