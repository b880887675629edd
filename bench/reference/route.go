package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
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
	a, err := s.route(r)
	if err != nil {
		status := http.StatusInternalServerError
		if known, ok := errors.AsType[statusError](err); ok {
			status = int(known)
		} else if errors.Is(err, pgx.ErrNoRows) {
			status = http.StatusNotFound
		}
		http.Error(w, err.Error(), status)
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
func (s *server) route(r *http.Request) (response, error) {
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
		return s.cached(ctx, actor, r.RequestURI, func() (response, error) {
			if query == "include=items" {
				return s.specificationWithItems(ctx, actor, of)
			}
			return s.specification(ctx, actor, of)
		})
	case "GET projects/specs":
		size, err := strconv.Atoi(strings.TrimPrefix(query, "page_size="))
		if err != nil {
			return response{}, statusError(http.StatusBadRequest)
		}
		return s.cached(ctx, actor, r.RequestURI, func() (response, error) { return s.specifications(ctx, actor, of, size) })
	case "PATCH specs/":
		return s.write(ctx, actor, func() (response, error) { return s.patchSpecification(ctx, actor, of, r) })
	case "POST projects/specs":
		return s.write(ctx, actor, func() (response, error) { return s.createSpecification(ctx, actor, of, r) })
	case "POST specs/items":
		return s.write(ctx, actor, func() (response, error) { return s.createItem(ctx, actor, of, r) })
	case "PUT specs/items/reorder":
		return s.write(ctx, actor, func() (response, error) { return s.reorder(ctx, actor, of, r) })
	}
	return response{}, statusError(http.StatusNotFound)
}

// cached handles a read: from the cache, or by load, whose response is then cached.
func (s *server) cached(ctx context.Context, actor caller, uri string, load func() (response, error)) (response, error) {
	if s.redis != nil {
		return s.cachedInRedis(ctx, actor, uri, load)
	}
	if !s.Cache {
		return load()
	}
	return s.local.cached(actor.user, uri, load)
}

// write handles a write, and invalidates the user's cached responses.
func (s *server) write(ctx context.Context, actor caller, write func() (response, error)) (response, error) {
	if s.redis != nil {
		if _, err := s.redis.do(ctx, "GET", actor.key("session")); err != nil {
			return response{}, err
		}
	}
	a, err := write()
	if err != nil {
		return a, err
	}
	if s.redis != nil {
		_, err = s.redis.do(ctx, "INCR", actor.key("epoch"))
	} else if s.Cache {
		s.local.generation(actor.user).Add(1)
	}
	return a, err
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// matches checks If-Match against the version.
func matches(r *http.Request, version int64) error {
	if tag := r.Header.Get("If-Match"); tag != "" && tag != "*" && tag != etag(version) {
		return fmt.Errorf("%w: the version is %d", statusError(http.StatusPreconditionFailed), version)
	}
	return nil
}
