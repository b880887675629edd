package httpapi

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

func TestETag_StarAllowsOnlyHTTPWhitespace(t *testing.T) {
	t.Parallel()
	for _, star := range []string{"*", " *\t"} {
		var m ifMatch
		if err := m.UnmarshalText([]byte(star)); err != nil || !m.Any {
			t.Errorf("%q is %+v, %v", star, m, err)
		}
	}
	for _, other := range []string{"\u00a0*", "*\u2003", "\v*", "*\n", "*\u2028"} {
		var m ifMatch
		if err := m.UnmarshalText([]byte(other)); err == nil || m.Any {
			t.Errorf("%q is taken for a star", other)
		}
	}
}

// drawTags draws tags as they may be, with a version now and then.
func drawTags(t *rapid.T) []middleware.EntityTag {
	opaque := rapid.OneOf(
		rapid.StringMatching(`[!#-~]{0,8}`),
		rapid.StringMatching(`0{0,1}[0-9]{1,3}`),
		rapid.Map(rapid.Int64Min(1), func(n int64) string { return strconv.FormatInt(n, 10) }),
	)
	one := rapid.Custom(func(t *rapid.T) middleware.EntityTag {
		return middleware.EntityTag{Opaque: opaque.Draw(t, "opaque"), Weak: rapid.Bool().Draw(t, "weak")}
	})
	return rapid.SliceOfN(one, 1, 6).Draw(t, "tags")
}

// formatTags is a list of tags, with blanks and commas as a caller may put them.
func formatTags(t *rapid.T, tags []middleware.EntityTag) string {
	var b strings.Builder
	b.WriteString(rapid.StringMatching(`[ \t,]{0,3}`).Draw(t, "before"))
	for i, tag := range tags {
		if i > 0 {
			b.WriteString(rapid.StringMatching(`[ \t]{0,2},[ \t,]{0,2}`).Draw(t, "between"))
		}
		if tag.Weak {
			b.WriteString("W/")
		}
		b.WriteString(`"` + tag.Opaque + `"`)
	}
	b.WriteString(rapid.StringMatching(`[ \t,]{0,3}`).Draw(t, "after"))
	return b.String()
}

func TestETag_IfMatchAcceptsVersionTags(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tags := drawTags(t)
		var m ifMatch
		if err := m.UnmarshalText([]byte(formatTags(t, tags))); err != nil {
			t.Fatal(err)
		}
		if !m.Given || m.Any {
			t.Fatalf("match = %+v", m)
		}
		for version := int64(1); version < 1000; version++ {
			opaque := strconv.FormatInt(version, 10)
			sent := slices.ContainsFunc(tags, func(tag middleware.EntityTag) bool { return tag.Opaque == opaque })
			if got := slices.ContainsFunc(m.Tags, func(tag requirements.Tag) bool { return tag.String() == opaque }); got != sent {
				t.Fatalf("version %d is accepted: %t, sent: %t", version, got, sent)
			}
		}
	})
}

func TestETag_CompressedResponsesHaveTheTagOfTheirState(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		`"3-1"`: "3-1", `W/"3-1"`: "3-1", `"3-1-gzip"`: "3-1", `"3-1--gzip"`: "3-1", `"3-1;br"`: "3-1", `W/"3-1;gzip"`: "3-1", `"3-1-zstd"`: "3-1", `"3-deflate"`: "3",
		`"3-1-"`: "", `"3-1--1"`: "", `"3-gzip-gzip"`: "", `"gzip"`: "", `"-gzip"`: "", `"3-lzma"`: "", `"3gzip"`: "", `"03"`: "", `"3-01"`: "", `"0"`: "", `"3-1-GZIP"`: "",
	} {
		var match ifMatch
		var noneMatch ifNoneMatch
		if err := errors.Join(match.UnmarshalText([]byte(sent)), noneMatch.UnmarshalText([]byte(sent))); err != nil {
			t.Fatal(err)
		}
		for _, set := range []requirements.TagSet{requirements.TagSet(match), requirements.TagSet(noneMatch)} {
			var got strings.Builder
			for _, tag := range set.Tags {
				got.WriteString(tag.String())
			}
			if got.String() != want {
				t.Errorf("%s stands for %q, want %q", sent, got.String(), want)
			}
		}
	}
}

// tagListGrammar is RFC 9110, sections 5.6.1 and 8.8.3, written another way.
var tagListGrammar = regexp.MustCompile(`^[ \t,]*(?:W/)?"[^\x00-\x20"\x7f]*"(?:[ \t]*,[ \t,]*(?:W/)?"[^\x00-\x20"\x7f]*")*[ \t,]*$`)

var tagPattern = regexp.MustCompile(`(W/)?"([^"]*)"`)

// ourTag is the form of our tags, with what a proxy may append.
var ourTag = regexp.MustCompile(`^([1-9][0-9]{0,17}(?:-(?:0|[1-9][0-9]{0,17})){0,8})(?:(?:-|--|;)(?:gzip|br|zstd|deflate))?$`)

// FuzzETag_IfMatch sends one or two lines of If-Match. Only a single star or
// tags of versions are a condition.
func FuzzETag_IfMatch(f *testing.F) {
	for _, line := range []string{"", "*", " *\t", "\u00a0*", "*, *", `"7"`, `W/"7", "8-2", "x", "08", "0", "-1", "9-", "1234567890123456789"`, "7", `"7", *`} {
		f.Add(line, "", false)
	}
	f.Add(`"1"`, `"2"`, true)
	f.Add("*", `"2"`, true)
	f.Add("", "", true)
	f.Fuzz(func(t *testing.T, first, second string, two bool) {
		r := &http.Request{Header: http.Header{"If-Match": {first}}, URL: rootURL}
		line := first
		if two {
			r.Header.Add("If-Match", second)
			line += ", " + second
		}
		star := strings.Trim(line, " \t") == "*"
		var want []string
		for _, tag := range tagPattern.FindAllStringSubmatch(line, -1) {
			if ours := ourTag.FindStringSubmatch(tag[2]); ours != nil {
				want = append(want, ours[1])
			}
		}
		var m ifMatch
		err := checkRequest(r, &huma.Operation{}, operation{})
		if err == nil {
			err = m.UnmarshalText([]byte(r.Header.Get("If-Match")))
		}
		if accepted := star || tagListGrammar.MatchString(line); accepted != (err == nil) {
			t.Fatalf("%q is a condition: %t; it is %v", line, accepted, err)
		}
		var got []string
		for _, tag := range m.Tags {
			got = append(got, tag.String())
		}
		if err == nil && (!m.Given || m.Any != star || !slices.Equal(got, want)) {
			t.Fatalf("%q asks for %+v, want %v", line, m, want)
		}
	})
}
