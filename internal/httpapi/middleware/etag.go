package middleware

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// EntityTag is one tag of a condition.
type EntityTag struct {
	Opaque string
	Weak   bool
}

// codingSuffix is what proxies and web servers append to the tag of a response that
// they compress: "3-gzip" (Apache, Caddy), "3--gzip" (Jetty), "3;br".
var codingSuffix = regexp.MustCompile(`(?:-{1,2}|;)(?:gzip|br|zstd|deflate)$`)

// WithoutCoding returns the tag as the server has sent it. The tag of a compressed
// response stands for the same state.
func (t EntityTag) WithoutCoding() string { return codingSuffix.ReplaceAllString(t.Opaque, "") }

// ParseEntityTags reads a list of entity tags (RFC 9110, section 8.8.3).
func ParseEntityTags(list string) ([]EntityTag, error) {
	var tags []EntityTag
	rest := strings.Trim(list, " \t,")
	for rest != "" {
		var tag EntityTag
		rest, tag.Weak = strings.CutPrefix(rest, "W/")
		body, quoted := strings.CutPrefix(rest, `"`)
		opaque, after, closed := strings.Cut(body, `"`)
		if !quoted || !closed || strings.ContainsFunc(opaque, notInTag) {
			return nil, errors.New(`a list of entity tags such as "7", or *, is expected`)
		}
		tag.Opaque = opaque
		tags = append(tags, tag)
		next := strings.TrimLeft(after, " \t")
		if next != "" && next[0] != ',' {
			return nil, errors.New("entity tags are separated by commas")
		}
		rest = strings.TrimLeft(next, " \t,")
	}
	if len(tags) == 0 {
		return nil, errors.New("it names no entity tag")
	}
	return tags, nil
}

// notInTag reports characters that an entity tag must not hold.
func notInTag(c rune) bool { return c < 0x21 || c == 0x7f }

// NotModified responds with 304 where If-None-Match names the present version.
func NotModified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tags := r.Header.Values("If-None-Match"); len(tags) > 0 && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			w = &notModified{ResponseWriter: w, ifNoneMatch: strings.Join(tags, ", ")}
		}
		next.ServeHTTP(w, r)
	})
}

// notModified turns a 200 whose ETag the caller already has into a 304 without
// a body (RFC 9110, section 13.1.2).
type notModified struct {
	http.ResponseWriter
	ifNoneMatch string
	decided     bool
	matched     bool
}

// Unwrap lets http.ResponseController reach the connection.
func (w *notModified) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader decides.
func (w *notModified) WriteHeader(status int) {
	w.decided = true
	if tag := w.Header().Get("ETag"); status == http.StatusOK && tag != "" {
		if tag, w.matched = matchWeakly(w.ifNoneMatch, tag); w.matched {
			status = http.StatusNotModified
			w.Header().Set("ETag", tag)
			w.Header().Del("Content-Type")
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write drops the body of a 304.
func (w *notModified) Write(b []byte) (int, error) {
	if !w.decided { // as net/http does it for handlers that only write
		w.WriteHeader(http.StatusOK)
	}
	if w.matched {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// matchWeakly reports whether the list of If-None-Match names tag, a strong tag of
// ours. A malformed list names nothing: the caller gets the whole response. The tag that
// it returns is that of the response which the caller has, compressed or not.
func matchWeakly(list, tag string) (named string, matched bool) {
	if strings.Trim(list, " \t") == "*" {
		return tag, true
	}
	tags, err := ParseEntityTags(list)
	if err != nil {
		return tag, false
	}
	own := EntityTag{Opaque: strings.Trim(tag, `"`)}.WithoutCoding()
	n := slices.IndexFunc(tags, func(t EntityTag) bool { return t.WithoutCoding() == own })
	if n < 0 || tags[n].Weak {
		return tag, n >= 0
	}
	return `"` + tags[n].Opaque + `"`, true
}
