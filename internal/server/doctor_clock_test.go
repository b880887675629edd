package server_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
)

// shiftGoogle puts an issuer in the place of Google that is the same, but for its
// clock.
func (p *patient) shiftGoogle(by time.Duration) {
	p.t.Helper()
	target, err := url.Parse(p.world.google.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	var shifted *httptest.Server
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(answer *http.Response) error {
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				return err
			}
			body = bytes.ReplaceAll(body, []byte(target.String()), []byte(shifted.URL))
			answer.Body = io.NopCloser(bytes.NewReader(body))
			answer.Header.Del("Content-Length")
			answer.Header.Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
			return nil
		},
	}
	shifted = httptest.NewServer(proxy)
	p.t.Cleanup(shifted.Close)
	p.env["GOOGLE_ISSUER_URL"] = shifted.URL
}

// A date tells the second, and an answer takes its time: what both allow is no
// difference.
func TestClocksAreApartOnlyWhereTheyCannotBeTheSame(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, at := range []struct{ began, ended, want time.Duration }{
		{0, 0, 0},
		{-time.Second, 0, 0},
		{999 * time.Millisecond, 2 * time.Second, 0},
		{-2 * time.Second, -time.Second, time.Second},
		{3 * time.Second, 4 * time.Second, -2 * time.Second},
		{-time.Hour, time.Hour, 0},
	} {
		if got := server.Apart(date, date.Add(at.began), date.Add(at.ended)); got != at.want {
			t.Errorf("asked %s after the date and answered %s after it: apart by %s, want %s", at.began, at.ended, got, at.want)
		}
	}
}
