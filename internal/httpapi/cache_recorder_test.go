package httpapi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
)

// brokenWriter is the response writer of a client that disconnects after some bytes.
type brokenWriter struct {
	http.ResponseWriter
	left int
}

// Write accepts what is left.
func (w *brokenWriter) Write(b []byte) (int, error) {
	if len(b) > w.left {
		return w.left, errors.New("connection reset by peer")
	}
	w.left -= len(b)
	return w.ResponseWriter.Write(b)
}

// A part of a response must never be served as the whole.
func TestCache_TruncatedResponseIsNotStored(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		left   int
		cached bool
	}{
		"a client that reads all":                   {1000, true},
		"a client that disconnects at the start":    {0, false},
		"a client that disconnects between writes":  {10, false},
		"a client that disconnects within a write":  {15, false},
		"a client that disconnects before the last": {29, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &responseRecorder{StatusWriter: middleware.StatusWriter{ResponseWriter: &brokenWriter{httptest.NewRecorder(), tc.left}}}
			for range 3 {
				_, _ = c.Write([]byte("0123456789")) // as an encoder that ignores the error
			}
			if response, complete := c.response(); complete != tc.cached || complete && len(response.Body) != 30 {
				t.Errorf("complete is %t, the copy %q", complete, response.Body)
			}
		})
	}
}
