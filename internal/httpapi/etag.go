package httpapi

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// etag is the strong entity tag of a version.
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// ifMatch is the condition of a change (RFC 9110, section 13.1.1).
type ifMatch struct{ precondition requirements.Precondition }

// UnmarshalText reads "*" or a list of entity tags. A weak tag never matches, since
// the comparison is strong. A tag in another form than the server's does not match either.
func (m *ifMatch) UnmarshalText(text []byte) error {
	m.precondition = requirements.Precondition{Given: true}
	if strings.Trim(string(text), " \t") == "*" {
		m.precondition.Any = true
		return nil
	}
	tags, err := middleware.ParseEntityTags(string(text))
	for _, tag := range tags {
		if version, ok := versionOf(tag.Opaque); ok && !tag.Weak {
			m.precondition.Versions = append(m.precondition.Versions, version)
		}
	}
	return err
}

var versionForm = regexp.MustCompile(`^([1-9][0-9]{0,17})(?:-[0-9]{1,9})?$`)

// versionOf is the version in one of our entity tags: "7", or "7-2" for an item
// at position 2.
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
