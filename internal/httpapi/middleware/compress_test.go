package middleware

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// compressed is the response of a handler to a request that accepts gzip.
func compressed(h http.HandlerFunc, method, path string) *httptest.ResponseRecorder {
	return through(Compress("/secret/")(h), method, path)
}

func through(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, http.NoBody)
	r.Header.Set("Accept-Encoding", "gzip")
	h.ServeHTTP(w, r)
	return w
}

// text is the body of a response, unpacked if it is compressed.
func text(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body io.Reader = w.Body
	if w.Header().Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		body = unpacked
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestCompress_WhatIsCompressed(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("word ", 1000)
	write := func(status int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for n := 0; n < len(header); n += 2 {
				w.Header().Set(header[n], header[n+1])
			}
			w.WriteHeader(status)
			for len(body) > 0 { // in parts, as encoders do
				n := min(700, len(body))
				_, _ = io.WriteString(w, body[:n])
				body = body[n:]
			}
		}
	}
	for name, tc := range map[string]struct {
		path    string
		handler http.HandlerFunc
		body    string
		want    bool
	}{
		"a large body":           {"/", write(200, large), large, true},
		"a large problem":        {"/", write(422, large, "Content-Type", "application/problem+json"), large, true},
		"a creation":             {"/", write(201, large), large, true},
		"YAML":                   {"/", write(200, large, "Content-Type", "application/yaml; charset=utf-8"), large, true},
		"a page":                 {"/", write(200, large, "Content-Type", "text/html; charset=utf-8"), large, true},
		"an announced length":    {"/", write(200, large, "Content-Length", "5000"), large, true},
		"an announced small one": {"/", write(200, large[:700], "Content-Length", "700"), large[:700], false},
		"one byte too small":     {"/", write(200, large[:1399]), large[:1399], false},
		"just large enough":      {"/", write(200, large[:1400]), large[:1400], true},
		"no body":                {"/", write(204, ""), "", false},
		"nothing at all":         {"/", func(http.ResponseWriter, *http.Request) {}, "", false},
		"below the prefix":       {"/secret/x", write(200, large), large, false},
		"a cookie":               {"/", write(200, large, "Set-Cookie", "token=x"), large, false},
		"an archive":             {"/", write(200, large, "Content-Type", "application/zip"), large, false},
		"a coding of its own":    {"/", write(200, large, "Content-Encoding", "br"), large, false},
		"a part":                 {"/", write(206, large), large, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := compressed(tc.handler, http.MethodGet, tc.path)
			if got := w.Header().Get("Content-Encoding") == "gzip"; got != tc.want {
				t.Errorf("compressed: %t", got)
			}
			if got := text(t, w); got != tc.body {
				t.Errorf("the body has %d bytes, want %d", len(got), len(tc.body))
			}
			if length := w.Header().Get("Content-Length"); tc.want && length != "" {
				t.Errorf("Content-Length = %s", length)
			}
		})
	}
}

// A response holds its slot until its end, so each request here begins inside the one
// before.
func TestCompress_ManyAtOnceAreNot(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("word ", 1000)
	around := Compress()
	var codings []string
	var nested func(level int) http.HandlerFunc
	nested = func(level int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, body)
			codings = append(codings, w.Header().Get("Content-Encoding"))
			if level > 0 {
				if inner := through(around(nested(level-1)), http.MethodGet, "/"); text(t, inner) != body {
					t.Error("another body")
				}
			}
		}
	}
	for range 2 { // the slots are free again
		codings = nil
		through(around(nested(maxCompressors)), http.MethodGet, "/")
		for n, coding := range codings {
			if want := n < maxCompressors; (coding == "gzip") != want {
				t.Errorf("response %d has the coding %q", n, coding)
			}
		}
	}
}

func TestCompress_BrokenResponseDoesNotEndRegularly(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(Compress()(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, strings.Repeat("word ", 100_000))
		panic(http.ErrAbortHandler)
	})))
	t.Cleanup(server.Close)
	response, err := http.Get(server.URL)
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	if err == nil {
		t.Error("the response ends regularly")
	}
}

func TestCompress_FlushSendsWhatThereIs(t *testing.T) {
	t.Parallel()
	continued := make(chan struct{})
	server := httptest.NewServer(Compress()(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "first")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-continued
		_, _ = io.WriteString(w, "second")
	})))
	t.Cleanup(server.Close)
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "first" {
		t.Errorf("read %q, %v", first, err)
	}
	close(continued)
	if rest, err := io.ReadAll(response.Body); err != nil || string(rest) != "second" || !response.Uncompressed {
		t.Errorf("then %q, %v", rest, err)
	}
}
