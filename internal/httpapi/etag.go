package httpapi

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// etag is the strong entity tag of a resource.
func etag(tag requirements.Tag) string { return `"` + tag.String() + `"` }

// markdownSuffix ends the tag of a resource as Markdown, which has other bytes than JSON.
// As If-Match it stands for the same state.
const markdownSuffix = "-md"

// tagAs returns the entity tag of a resource in a media type.
func tagAs(tag, media string) string {
	if media != openapi.Markdown {
		return tag
	}
	return strings.TrimSuffix(tag, `"`) + markdownSuffix + `"`
}

// Conditions are the conditions of a change (RFC 9110, section 13.1). It is exported
// because huma ignores embedded types that are not.
type Conditions struct {
	Match
	NoneMatch ifNoneMatch `header:"If-None-Match" doc:"Only if the resource does not have this tag; with * only if it does not exist, so that nothing is ever changed."`
}

// precondition returns both conditions.
func (c Conditions) precondition() requirements.Precondition {
	return requirements.Precondition{Match: c.Match.tags(), NoneMatch: requirements.TagSet(c.NoneMatch)}
}

// Match is the condition of a creation, about its parent. If-None-Match has no meaning
// there: a creation never replaces anything.
type Match struct {
	Tag ifMatch `header:"If-Match" doc:"Only if the resource is still as it was: its ETag, or its version in quotes, as lists show it. * asks only that it exists."`
}

func (m Match) tags() requirements.TagSet { return requirements.TagSet(m.Tag) }

// precondition returns the condition.
func (m Match) precondition() requirements.Precondition {
	return requirements.Precondition{Match: m.tags()}
}

// ifMatch and ifNoneMatch are a condition in a header.
type ifMatch requirements.TagSet

// UnmarshalText reads the header.
func (m *ifMatch) UnmarshalText(text []byte) error {
	return readTags((*requirements.TagSet)(m), string(text))
}

// Schema documents the header.
func (ifMatch) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Examples: []any{`"7"`}}
}

type ifNoneMatch requirements.TagSet

// UnmarshalText reads the header.
func (m *ifNoneMatch) UnmarshalText(text []byte) error {
	return readTags((*requirements.TagSet)(m), string(text))
}

// Schema documents the header.
func (ifNoneMatch) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Examples: []any{`*`}}
}

// readTags reads "*" or a list of entity tags. Weak tags count like strong ones: our
// tags are made of versions, and a proxy that compresses a response weakens its tag. A
// tag of another form than the server's names no state.
func readTags(set *requirements.TagSet, list string) error {
	*set = requirements.TagSet{Given: true}
	if strings.Trim(list, " \t") == "*" {
		set.Any = true
		return nil
	}
	tags, err := middleware.ParseEntityTags(list)
	for _, tag := range tags {
		if ours, ok := parseTag(strings.TrimSuffix(tag.WithoutCoding(), markdownSuffix)); ok {
			set.Tags = append(set.Tags, ours)
		}
	}
	return err
}

var tagForm = regexp.MustCompile(`^[1-9][0-9]{0,17}(?:-(?:0|[1-9][0-9]{0,17})){0,8}$`)

// parseTag reads one of our entity tags: "7", or "7-2" for an item at position 2.
func parseTag(opaque string) (tag requirements.Tag, ok bool) {
	if !tagForm.MatchString(opaque) {
		return tag, false
	}
	for n, digits := range strings.Split(opaque, "-") {
		value, err := strconv.ParseInt(digits, 10, 64)
		if err != nil { // 18 digits fit
			return tag, false
		}
		if n == 0 {
			tag.Version = value
		} else {
			tag.Counters = append(tag.Counters, requirements.Counter{Value: value})
		}
	}
	return tag, true
}
