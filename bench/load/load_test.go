package load

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// pathCaller requests one path repeatedly.
type asker struct {
	path string
	want Want
	seen []string
}

func (a *asker) Next(buffer []byte, last *Response) ([]byte, Want) {
	if last != nil {
		a.seen = append(a.seen, string(last.ETag))
	}
	buffer = append(buffer, "GET "...)
	buffer = append(buffer, a.path...)
	return append(buffer, " HTTP/1.1\r\nHost: test\r\n\r\n"...), a.want
}

// serve answers every way a body can be framed, and counts.
func serve(t *testing.T) (address string, served *atomic.Int64) {
	t.Helper()
	served = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		w.Header().Set("ETag", `"7"`)
		switch r.URL.Path {
		case "/chunked":
			for range 3 {
				_, _ = w.Write([]byte(strings.Repeat("x", 5000)))
				if f, ok := w.(http.Flusher); ok {
					f.Flush()
				}
			}
		case "/empty":
			w.WriteHeader(http.StatusNotModified)
		case "/closing":
			w.Header().Set("Connection", "close")
			_, _ = w.Write([]byte("last"))
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			_, _ = w.Write([]byte("begin and end"))
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), served
}

func TestLoad_CountsEveryRequest(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]Want{
		"/":        {Status: 200, Prefix: []byte("begin"), Suffix: []byte("end")},
		"/chunked": {Status: 200, Prefix: []byte(strings.Repeat("x", 15000))},
		"/empty":   {Status: 304},
		"/closing": {Status: 200, Prefix: []byte("last")},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			address, served := serve(t)
			first, second := &asker{path: path, want: want}, &asker{path: path, want: want}
			clients, err := Connect(t.Context(), []string{address}, []Caller{first, second})
			if err != nil {
				t.Fatal(err)
			}
			defer clients.Close()
			for range 2 { // what the first run left must not count for the second
				served.Store(0)
				result, err := clients.Run(t.Context(), 20*time.Millisecond)
				if err != nil || int64(result.Requests) != served.Load() {
					t.Fatalf("the result is %d requests and %v, the server has had %d", result.Requests, err, served.Load())
				}
				if p50, p99 := result.Percentile(50), result.Percentile(99); p50 <= 0 || p50 > p99 {
					t.Errorf("p50 is %s, p99 %s", p50, p99)
				}
			}
			if len(first.seen) == 0 || first.seen[0] != `"7"` {
				t.Errorf("the first caller was shown the tags %q", first.seen)
			}
		})
	}
}

func TestLoad_UnexpectedResponseEndsTheRun(t *testing.T) {
	t.Parallel()
	for name, caller := range map[string]*asker{
		"another status": {path: "/broken", want: Want{Status: 200}},
		"another body":   {path: "/", want: Want{Status: 200, Prefix: []byte("end")}},
		"another end":    {path: "/", want: Want{Status: 200, Suffix: []byte("begin")}},
		"a missing part": {path: "/", want: Want{Status: 200, Contains: []byte("middle")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := serve(t)
			clients, err := Connect(t.Context(), []string{address}, []Caller{caller, &asker{path: "/", want: Want{Status: 200}}})
			if err != nil {
				t.Fatal(err)
			}
			defer clients.Close()
			began := time.Now()
			if result, err := clients.Run(t.Context(), time.Minute); err == nil {
				t.Errorf("the run has a result: %d requests", result.Requests)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("the others went on for %s", took)
			}
		})
	}
}

func TestLoad_Percentiles(t *testing.T) {
	t.Parallel()
	var latencies []time.Duration
	for n := range 100 {
		latencies = append(latencies, time.Duration(100-n)*time.Millisecond)
	}
	r := ResultOf(2*time.Second, latencies)
	if r.PerSecond() != 50 || r.Percentile(50) != 51*time.Millisecond || r.Percentile(99) != 100*time.Millisecond {
		t.Errorf("%f a second, p50 %s, p99 %s", r.PerSecond(), r.Percentile(50), r.Percentile(99))
	}
}
