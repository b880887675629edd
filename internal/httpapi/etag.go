package httpapi

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/requirements"
)

// etag is the strong entity tag of a version.
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// ifMatch is the condition of a change (RFC 9110, section 13.1.1).
type ifMatch struct{ match requirements.Precondition }

// UnmarshalText reads "*" or a list of entity tags. A weak tag never matches:
// the comparison is the strong one. A tag that no version of ours has does not
// match either.
func (m *ifMatch) UnmarshalText(text []byte) error {
	m.match = requirements.Precondition{Given: true}
	if strings.Trim(string(text), " \t") == "*" {
		m.match.Any = true
		return nil
	}
	tags, err := entityTags(string(text))
	for _, tag := range tags {
		if version, ok := versionOf(tag.opaque); ok && !tag.weak {
			m.match.Versions = append(m.match.Versions, version)
		}
	}
	return err
}

var versionForm = regexp.MustCompile(`^([1-9][0-9]{0,17})(?:-[0-9]{1,9})?$`)

// versionOf is the version in an entity tag of ours: "7", or "7-2" for an item
// at place 2.
func versionOf(opaque string) (int64, bool) {
	parts := versionForm.FindStringSubmatch(opaque)
	if parts == nil {
		return 0, false
	}
	version, err := strconv.ParseInt(parts[1], 10, 64)
	return version, err == nil
}

// Schema documents the header.
func (ifMatch) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Examples: []any{`"7"`}}
}

// entityTag is one tag of a condition.
type entityTag struct {
	opaque string
	weak   bool
}

// entityTags reads a list of entity tags (RFC 9110, section 8.8.3).
func entityTags(list string) ([]entityTag, error) {
	var tags []entityTag
	rest := strings.Trim(list, " \t,")
	for rest != "" {
		var tag entityTag
		rest, tag.weak = strings.CutPrefix(rest, "W/")
		body, quoted := strings.CutPrefix(rest, `"`)
		opaque, after, closed := strings.Cut(body, `"`)
		if !quoted || !closed || strings.ContainsFunc(opaque, notInTag) {
			return nil, errors.New(`a list of entity tags such as "7", or *, is expected`)
		}
		tag.opaque = opaque
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

// notModified turns a 200 whose ETag the caller has already into a 304 without
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
	if tag := w.Header().Get("ETag"); status == http.StatusOK && tag != "" && matchesWeakly(w.ifNoneMatch, tag) {
		w.matched = true
		status = http.StatusNotModified
		w.Header().Del("Content-Type")
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

// matchesWeakly reports whether the list of If-None-Match names tag. A list
// that cannot be read names nothing: the caller gets the whole answer.
func matchesWeakly(list, tag string) bool {
	if strings.Trim(list, " \t") == "*" {
		return true
	}
	tags, err := entityTags(list)
	if err != nil {
		return false
	}
	for _, t := range tags {
		if `"`+t.opaque+`"` == tag {
			return true
		}
	}
	return false
}
