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

// answer is what goes out. Location is that of what was created.
type answer struct {
	status         int
	etag, location string
	body           []byte
}

// refusal is an error with its status.
type refusal int

func (r refusal) Error() string { return http.StatusText(int(r)) }

// ServeHTTP answers everything.
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
	a, err := s.answer(r)
	if err != nil {
		status := http.StatusInternalServerError
		if known, ok := errors.AsType[refusal](err); ok {
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
	_, _ = w.Write(a.body) // whoever asked may be gone
}

// answer finds out who asks for what.
func (s *server) answer(r *http.Request) (answer, error) {
	who, err := s.tokens.verify(r.Header.Get("Authorization"))
	if err != nil {
		return answer{}, errors.Join(refusal(http.StatusUnauthorized), err)
	}
	rest, _ := strings.CutPrefix(r.URL.Path, "/api/v1/")
	noun, rest, _ := strings.Cut(rest, "/")
	name, below, _ := strings.Cut(rest, "/")
	of, err := parseID(name)
	if err != nil {
		return answer{}, refusal(http.StatusNotFound)
	}
	ctx, query := r.Context(), r.URL.RawQuery
	switch r.Method + " " + noun + "/" + below {
	case "GET specs/":
		return s.cached(ctx, who, r.RequestURI, func() (answer, error) {
			if query == "include=items" {
				return s.specificationWithItems(ctx, who, of)
			}
			return s.specification(ctx, who, of)
		})
	case "GET projects/specs":
		size, err := strconv.Atoi(strings.TrimPrefix(query, "page_size="))
		if err != nil {
			return answer{}, refusal(http.StatusBadRequest)
		}
		return s.cached(ctx, who, r.RequestURI, func() (answer, error) { return s.specifications(ctx, who, of, size) })
	case "PATCH specs/":
		return s.written(ctx, who, func() (answer, error) { return s.patchSpecification(ctx, who, of, r) })
	case "POST projects/specs":
		return s.written(ctx, who, func() (answer, error) { return s.createSpecification(ctx, who, of, r) })
	case "POST specs/items":
		return s.written(ctx, who, func() (answer, error) { return s.createItem(ctx, who, of, r) })
	case "PUT specs/items/reorder":
		return s.written(ctx, who, func() (answer, error) { return s.reorder(ctx, who, of, r) })
	}
	return answer{}, refusal(http.StatusNotFound)
}

// cached is a read: from what is kept, or by load, whose answer is then kept.
func (s *server) cached(ctx context.Context, who caller, uri string, load func() (answer, error)) (answer, error) {
	if s.redis != nil {
		return s.cachedInRedis(ctx, who, uri, load)
	}
	if !s.Cache {
		return load()
	}
	return s.local.cached(who.user, uri, load)
}

// written is a write, after which nothing counts that was kept of the user.
func (s *server) written(ctx context.Context, who caller, write func() (answer, error)) (answer, error) {
	if s.redis != nil {
		if _, err := s.redis.do(ctx, "GET", who.key("session")); err != nil {
			return answer{}, err
		}
	}
	a, err := write()
	if err != nil {
		return a, err
	}
	if s.redis != nil {
		_, err = s.redis.do(ctx, "INCR", who.key("epoch"))
	} else if s.Cache {
		s.local.epoch(who.user).Add(1)
	}
	return a, err
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// matches tells whether the caller may overwrite this version.
func matches(r *http.Request, version int64) error {
	if tag := r.Header.Get("If-Match"); tag != "" && tag != "*" && tag != etag(version) {
		return fmt.Errorf("%w: the version is %d", refusal(http.StatusPreconditionFailed), version)
	}
	return nil
}
