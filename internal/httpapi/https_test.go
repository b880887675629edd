package httpapi

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
)

// arrivalCase is one way in which a request may arrive.
type arrivalCase struct {
	trusted        bool     // whether the peer is a trusted proxy
	forwardedProto []string // lines of X-Forwarded-Proto
	ownTLS         bool
}

// isSecure is the rule of the contract, written differently from the code.
func (c arrivalCase) isSecure() bool {
	if c.trusted && c.forwardedProto != nil {
		list := strings.Split(strings.Join(c.forwardedProto, ","), ",")
		return strings.ToLower(strings.TrimSpace(list[len(list)-1])) == "https"
	}
	return c.ownTLS
}

func (c arrivalCase) request(method, path string) *http.Request {
	r := httptest.NewRequest(method, path, http.NoBody)
	r.TLS = nil
	r.RemoteAddr = "203.0.113.9:1"
	if c.trusted {
		r.RemoteAddr = "10.0.0.1:1"
	}
	if c.ownTLS {
		r.TLS = &tls.ConnectionState{}
	}
	for _, line := range c.forwardedProto {
		r.Header.Add("X-Forwarded-Proto", line)
	}
	return r
}

// arrivalCases are all combinations.
func arrivalCases() (all []arrivalCase) {
	for _, said := range [][]string{
		nil,
		{"https"},
		{"http"},
		{"HTTPS"},
		{""},
		{"garbage"},
		{"https://"},
		{"http, https"},
		{"https, http"},
		{"https,"},
		{"http", "https"},
		{"https", "http"},
		{" https\t"},
		{"wss"},
	} {
		for _, trusted := range []bool{true, false} {
			for _, ownTLS := range []bool{true, false} {
				all = append(all, arrivalCase{trusted, said, ownTLS})
			}
		}
	}
	return all
}

func TestHTTPS_IsRequiredFromOutside(t *testing.T) {
	t.Parallel()
	trusted, err := middleware.ParseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, required := range []bool{true, false} {
		_, h := New(Config{
			Telemetry: Telemetry{Now: time.Now, Log: slog.New(slog.DiscardHandler)},
			Network:   Network{Proxies: trusted, RequireHTTPS: required},
			Health:    Health{Ready: func() bool { return true }},
		})
		for _, c := range arrivalCases() {
			t.Run(fmt.Sprintf("required %t, %+v", required, c), func(t *testing.T) {
				t.Parallel()
				for path, open := range map[string]bool{
					"/api/v1/openapi.json": false, "/docs": false, "/nothing": false, "/problems": false, "/healthy": false,
					"/api/v1/projects": false, "/health/live": true, "/health/ready": true,
				} {
					answer := httptest.NewRecorder()
					h.ServeHTTP(answer, c.request(http.MethodGet, path))
					var p problemDetails
					_ = json.Unmarshal(answer.Body.Bytes(), &p) // not every response is a problem
					rejected := answer.Code == http.StatusForbidden && p.Code == "https_required"
					directly := !c.trusted || c.forwardedProto == nil
					if want := required && !c.isSecure() && !(open && directly); rejected != want {
						t.Errorf("%s got %d %s, want rejected = %t", path, answer.Code, p.Code, want)
					}
					if answer.Header().Get("Location") != "" {
						t.Errorf("%s is redirected to %s", path, answer.Header().Get("Location"))
					}
					const strict = "Strict-Transport-Security"
					if got := answer.Header().Get(strict); (got == "max-age=63072000; includeSubDomains") != c.isSecure() {
						t.Errorf("%s is answered with %s = %q", path, strict, got)
					}
				}
			})
		}
	}
}

func TestHTTPS_IsKnownToHandlers(t *testing.T) {
	t.Parallel()
	trusted, err := middleware.ParseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range arrivalCases() {
		var said bool
		var address netip.Addr
		a := &API{Config: Config{Telemetry: Telemetry{Metrics: noMetrics{}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}, Network: Network{Proxies: trusted}}}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /here", func(_ http.ResponseWriter, r *http.Request) {
			said, address = middleware.InfoFrom(r.Context()).Secure, a.address(r)
		})
		r := c.request(http.MethodGet, "/here")
		a.wrap(mux).ServeHTTP(httptest.NewRecorder(), r)
		if said != c.isSecure() || netip.AddrPortFrom(address, 1).String() != r.RemoteAddr {
			t.Errorf("secure is %t of %+v, the address %s", said, c, address)
		}
	}
}

func TestHeaders_SizeLimit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		alter func(r *http.Request, size int)
	}{
		"one long header": {func(r *http.Request, size int) { r.Header.Set("X-A", strings.Repeat("a", size)) }},
		"many headers": {func(r *http.Request, size int) {
			for n := range size / 100 {
				r.Header.Set(fmt.Sprintf("X-Many-Headers-%04d", n), strings.Repeat("a", 100-19-4))
			}
		}},
		"one header many times": {func(r *http.Request, size int) {
			for range size / 10 {
				r.Header.Add("X-Abc", "a")
			}
		}},
		"a long path":  {func(r *http.Request, size int) { r.RequestURI = "/" + strings.Repeat("a", size) }},
		"a long host":  {func(r *http.Request, size int) { r.Host = strings.Repeat("a", size) }},
		"a long query": {func(r *http.Request, size int) { r.RequestURI = "/?" + strings.Repeat("a", size) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for size, want := range map[int]int{middleware.MaxHeaderBytes - 1000: http.StatusOK, middleware.MaxHeaderBytes + 200: http.StatusRequestHeaderFieldsTooLarge} {
				h, _ := newWrappedHandler(func(http.ResponseWriter, *http.Request) {})
				r := httptest.NewRequest(http.MethodGet, "/here/1", http.NoBody)
				tc.alter(r, size)
				answer := httptest.NewRecorder()
				h.ServeHTTP(answer, r)
				if answer.Code != want {
					t.Errorf("%d bytes got %d %s", size, answer.Code, answer.Body)
				}
				if want != http.StatusOK && !strings.Contains(answer.Body.String(), `"code":"headers_too_large"`) {
					t.Errorf("the problem is %s", answer.Body)
				}
			}
		})
	}
}
