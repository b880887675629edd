package httpapi

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/requirements"
)

func TestETag_ParseList(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		list string
		want []entityTag // nil: not a list of tags
	}{
		"one":                        {`"7"`, []entityTag{{"7", false}}},
		"a weak one":                 {`W/"7"`, []entityTag{{"7", true}}},
		"several":                    {`"1", W/"2","3"`, []entityTag{{"1", false}, {"2", true}, {"3", false}}},
		"empty members":              {"\t, ,\"1\" ,, \"2\" , ", []entityTag{{"1", false}, {"2", false}}},
		"an empty tag":               {`""`, []entityTag{{"", false}}},
		"commas and signs in a tag":  {`"a,b;W/*'"`, []entityTag{{"a,b;W/*'", false}}},
		"bytes beyond ASCII":         {"\"\x80\xffä\"", []entityTag{{"\x80\xffä", false}}},
		"nothing":                    {``, nil},
		"blanks":                     {" \t", nil},
		"only commas":                {`, ,`, nil},
		"a star":                     {`*`, nil},
		"no quotes":                  {`7`, nil},
		"an open quote":              {`"7`, nil},
		"a closing quote":            {`7"`, nil},
		"only a quote":               {`"`, nil},
		"only W/":                    {`W/`, nil},
		"W/ twice":                   {`W/W/"7"`, nil},
		"a lower-case w":             {`w/"7"`, nil},
		"a blank after W/":           {`W/ "7"`, nil},
		"two without a comma":        {`"1" "2"`, nil},
		"two side by side":           {`"1""2"`, nil},
		"something after a tag":      {`"1"x`, nil},
		"a good one, then a bad one": {`"1", 2`, nil},
		"a blank in a tag":           {`"1 2"`, nil},
		"a control in a tag":         {"\"1\x01\"", nil},
		"DEL in a tag":               {"\"1\x7f\"", nil},
		"a line feed between":        {"\"1\",\n\"2\"", nil},
		"a semicolon between":        {`"1";"2"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := entityTags(tc.list)
			if (err != nil) != (tc.want == nil) {
				t.Fatalf("entityTags(%q) = %v, %v", tc.list, got, err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(entityTag{})); err == nil && diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
		})
	}
}

func TestETag_StarAllowsOnlyHTTPWhitespace(t *testing.T) {
	t.Parallel()
	for _, star := range []string{"*", " *\t"} {
		var m ifMatch
		if err := m.UnmarshalText([]byte(star)); err != nil || !m.match.Any || !matchesWeakly(star, `"7"`) {
			t.Errorf("%q is %+v, %v", star, m.match, err)
		}
	}
	for _, other := range []string{"\u00a0*", "*\u2003", "\v*", "*\n", "*\u2028"} {
		var m ifMatch
		if err := m.UnmarshalText([]byte(other)); err == nil || m.match.Any || matchesWeakly(other, `"7"`) {
			t.Errorf("%q is accepted as a star", other)
		}
	}
}

// drawTags draws valid tags, some of them with a version.
func drawTags(t *rapid.T) []entityTag {
	opaque := rapid.OneOf(
		rapid.StringMatching(`[!#-~]{0,8}`),
		rapid.StringMatching(`0{0,1}[0-9]{1,3}`),
		rapid.Map(rapid.Int64Min(1), func(n int64) string { return strconv.FormatInt(n, 10) }),
	)
	one := rapid.Custom(func(t *rapid.T) entityTag {
		return entityTag{opaque: opaque.Draw(t, "opaque"), weak: rapid.Bool().Draw(t, "weak")}
	})
	return rapid.SliceOfN(one, 1, 6).Draw(t, "tags")
}

// formatTags writes a list of tags, with any blanks and commas that the
// grammar allows.
func formatTags(t *rapid.T, tags []entityTag) string {
	var b strings.Builder
	b.WriteString(rapid.StringMatching(`[ \t,]{0,3}`).Draw(t, "before"))
	for i, tag := range tags {
		if i > 0 {
			b.WriteString(rapid.StringMatching(`[ \t]{0,2},[ \t,]{0,2}`).Draw(t, "between"))
		}
		if tag.weak {
			b.WriteString("W/")
		}
		b.WriteString(`"` + tag.opaque + `"`)
	}
	b.WriteString(rapid.StringMatching(`[ \t,]{0,3}`).Draw(t, "after"))
	return b.String()
}

func TestETag_ListRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tags := drawTags(t)
		list := formatTags(t, tags)
		got, err := entityTags(list)
		if err != nil || !slices.Equal(got, tags) {
			t.Fatalf("entityTags(%q) = %v, %v; want %v", list, got, err, tags)
		}
	})
}

func TestETag_IfMatchAcceptsOnlyStrongVersionTags(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tags := drawTags(t)
		var m ifMatch
		if err := m.UnmarshalText([]byte(formatTags(t, tags))); err != nil {
			t.Fatal(err)
		}
		if !m.match.Given || m.match.Any {
			t.Fatalf("match = %+v", m.match)
		}
		for version := int64(1); version < 1000; version++ {
			strong := slices.Contains(tags, entityTag{opaque: strconv.FormatInt(version, 10)})
			if got := slices.Contains(m.match.Versions, version); got != strong {
				t.Fatalf("version %d is accepted: %t, named by a strong tag: %t", version, got, strong)
			}
		}
	})
}

func TestETag_IfNoneMatchComparesWeakly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tags := drawTags(t)
		version := rapid.Int64Range(1, 300).Draw(t, "version")
		named := slices.ContainsFunc(tags, func(tag entityTag) bool { return tag.opaque == strconv.FormatInt(version, 10) })
		if got := matchesWeakly(formatTags(t, tags), etag(version)); got != named {
			t.Fatalf("version %d matches %v: %t", version, tags, got)
		}
	})
}

// tagListGrammar is RFC 9110, sections 5.6.1 and 8.8.3, as a regular
// expression.
var tagListGrammar = regexp.MustCompile(`^[ \t,]*(?:W/)?"[^\x00-\x20"\x7f]*"(?:[ \t]*,[ \t,]*(?:W/)?"[^\x00-\x20"\x7f]*")*[ \t,]*$`)

func FuzzETag_ParseList(f *testing.F) {
	for _, list := range []string{"", "*", `"7"`, `W/"7"`, `"1", W/"2"`, `,, "1" ,`, `"1" "2"`, `"`, `W/`, "\"\xff\"", "\"\x00\"", `"1",`, `W/"1"W/"2"`} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		tags, err := entityTags(list)
		if wellFormed := tagListGrammar.MatchString(list); wellFormed != (err == nil) {
			t.Fatalf("entityTags(%q) = %v, %v; by the grammar it is a list: %t", list, tags, err, wellFormed)
		}
		if err != nil {
			return
		}
		var again strings.Builder
		for _, tag := range tags {
			if tag.weak {
				again.WriteString("W/")
			}
			again.WriteString(`"` + tag.opaque + `", `)
		}
		if got, err := entityTags(again.String()); err != nil || !slices.Equal(got, tags) {
			t.Fatalf("%q is parsed as %v, and formatted again as %v, %v", list, tags, got, err)
		}
	})
}

var tagPattern = regexp.MustCompile(`(W/)?"([^"]*)"`)

// FuzzETag_IfMatch sends one or two lines of If-Match. Only a single star or
// the strong tags of versions are a condition.
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
		want := requirements.Precondition{Given: true, Any: star}
		for _, tag := range tagPattern.FindAllStringSubmatch(line, -1) {
			number, place, placed := strings.Cut(tag[2], "-")
			version, err := strconv.ParseInt(number, 10, 64)
			ours := err == nil && version > 0 && len(number) <= 18 && strconv.FormatInt(version, 10) == number &&
				(!placed || place != "" && len(place) <= 9 && strings.Trim(place, "0123456789") == "")
			if tag[1] == "" && ours {
				want.Versions = append(want.Versions, version)
			}
		}
		var m ifMatch
		err := checkForm(r, &huma.Operation{}, false)
		if err == nil {
			err = m.UnmarshalText([]byte(r.Header.Get("If-Match")))
		}
		if accepted := star || tagListGrammar.MatchString(line); accepted != (err == nil) {
			t.Fatalf("%q is a condition: %t; it is %v", line, accepted, err)
		}
		if err == nil && (m.match.Given != want.Given || m.match.Any != want.Any || !slices.Equal(m.match.Versions, want.Versions)) {
			t.Fatalf("%q is the condition %+v, want %+v", line, m.match, want)
		}
	})
}

// FuzzETag_IfNoneMatch compares any list with the tag of a project or an item.
func FuzzETag_IfNoneMatch(f *testing.F) {
	for _, list := range []string{"*", "\v*", `"7"`, `W/"7"`, `"6", W/"7-2"`, `"7`, ""} {
		f.Add(list, int64(7), 2, false)
		f.Add(list, int64(7), 2, true)
	}
	f.Fuzz(func(t *testing.T, list string, version int64, place int, ofItem bool) {
		tag := etag(version)
		if ofItem {
			tag = itemTag(requirements.Item{Version: version, Order: place})
		}
		want := strings.Trim(list, " \t") == "*"
		for _, other := range tagPattern.FindAllStringSubmatch(list, -1) {
			want = want || `"`+other[2]+`"` == tag && tagListGrammar.MatchString(list)
		}
		if got := matchesWeakly(list, tag); got != want {
			t.Fatalf("%q matches %s: %t", list, tag, got)
		}
	})
}
