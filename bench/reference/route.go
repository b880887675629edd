package main

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// response is what is sent. Its location is the URL of the created resource.
type response struct {
	status         int
	etag, location string
	body           []byte
}

// statusError is an error with an HTTP status.
type statusError int

func (r statusError) Error() string { return http.StatusText(int(r)) }

// statusOf is the status of an error: its own, that of a function's SQLSTATE, or 500.
func statusOf(err error) int {
	if known, ok := errors.AsType[statusError](err); ok {
		return int(known)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return http.StatusNotFound
	}
	if raised, ok := errors.AsType[*pgconn.PgError](err); ok {
		if code, found := strings.CutPrefix(raised.Code, "RF"); found {
			if status, err := strconv.Atoi(code); err == nil {
				return status
			}
		}
	}
	return http.StatusInternalServerError
}

// ServeHTTP handles all requests.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ready" {
		return
	}
	h := w.Header()
	h.Set("X-Request-Id", newID().String())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "private, no-cache")
	a, err := s.route(h, r)
	if err != nil {
		status := statusOf(err)
		http.Error(w, http.StatusText(status), status)
		return
	}
	if a.etag != "" {
		h.Set("ETag", a.etag)
		if r.Method == http.MethodGet && r.Header.Get("If-None-Match") == a.etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may have disconnected
}

// route authenticates the caller and calls the handler.
func (s *server) route(h http.Header, r *http.Request) (response, error) {
	actor, err := s.tokens.verify(r.Header.Get("Authorization"))
	if err != nil {
		return response{}, errors.Join(statusError(http.StatusUnauthorized), err)
	}
	rest, _ := strings.CutPrefix(r.URL.Path, "/api/v1/")
	noun, rest, _ := strings.Cut(rest, "/")
	name, below, _ := strings.Cut(rest, "/")
	of, err := parseID(name)
	if err != nil {
		return response{}, statusError(http.StatusNotFound)
	}
	ctx, query := r.Context(), r.URL.RawQuery
	switch r.Method + " " + noun + "/" + below {
	case "GET specs/":
		return s.cached(ctx, h, actor, of, r.RequestURI, func() (response, error) {
			if query == "include=items" {
				return s.readWithItems(ctx, actor, of)
			}
			return s.readSpecification(ctx, actor, of)
		})
	case "GET projects/specs":
		size, err := strconv.Atoi(strings.TrimPrefix(query, "page_size="))
		if err != nil || size < 1 || size > 100 {
			return response{}, statusError(http.StatusBadRequest)
		}
		return s.cached(ctx, h, actor, of, r.RequestURI, func() (response, error) { return s.listSpecifications(ctx, actor, of, size) })
	case "PATCH specs/":
		return s.write(ctx, h, actor, func() (written, error) { return s.updateSpecification(ctx, actor, of, r) })
	case "PATCH items/":
		return s.write(ctx, h, actor, func() (written, error) { return s.updateItem(ctx, actor, of, r) })
	case "POST projects/specs":
		return s.write(ctx, h, actor, func() (written, error) {
			return s.createOnce(ctx, actor, r, func(q querier, r *http.Request) (written, error) { return s.createSpecification(ctx, q, actor, of, r) })
		})
	case "POST specs/items":
		return s.write(ctx, h, actor, func() (written, error) {
			return s.createOnce(ctx, actor, r, func(q querier, r *http.Request) (written, error) { return s.createItem(ctx, q, actor, of, r) })
		})
	case "PUT specs/items/reorder":
		return s.write(ctx, h, actor, func() (written, error) { return s.reorder(ctx, actor, of, r) })
	}
	return response{}, statusError(http.StatusNotFound)
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }
