package middleware

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func matchesWeakly(list, tag string) bool {
	_, matched := matchWeakly(list, tag)
	return matched
}

func TestETag_ParseList(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		list string
		want []EntityTag // nil: it is no list of tags
	}{
		"one":                        {`"7"`, []EntityTag{{"7", false}}},
		"a weak one":                 {`W/"7"`, []EntityTag{{"7", true}}},
		"several":                    {`"1", W/"2","3"`, []EntityTag{{"1", false}, {"2", true}, {"3", false}}},
		"empty members":              {"\t, ,\"1\" ,, \"2\" , ", []EntityTag{{"1", false}, {"2", false}}},
		"an empty tag":               {`""`, []EntityTag{{"", false}}},
		"commas and signs in a tag":  {`"a,b;W/*'"`, []EntityTag{{"a,b;W/*'", false}}},
		"bytes beyond ASCII":         {"\"\x80\xffä\"", []EntityTag{{"\x80\xffä", false}}},
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
			got, err := ParseEntityTags(tc.list)
			if (err != nil) != (tc.want == nil) {
				t.Fatalf("ParseEntityTags(%q) = %v, %v", tc.list, got, err)
			}
			if diff := cmp.Diff(tc.want, got); err == nil && diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
		})
	}
}

// someTags draws tags as they may be, with a version now and then.
func someTags(t *rapid.T) []EntityTag {
	opaque := rapid.OneOf(
		rapid.StringMatching(`[!#-~]{0,8}`),
		rapid.StringMatching(`0{0,1}[0-9]{1,3}`),
		rapid.Map(rapid.Int64Min(1), func(n int64) string { return strconv.FormatInt(n, 10) }),
	)
	one := rapid.Custom(func(t *rapid.T) EntityTag {
		return EntityTag{Opaque: opaque.Draw(t, "opaque"), Weak: rapid.Bool().Draw(t, "weak")}
	})
	return rapid.SliceOfN(one, 1, 6).Draw(t, "tags")
}

// written is a list of tags, with blanks and commas as a caller may put them.
func written(t *rapid.T, tags []EntityTag) string {
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

func TestETag_ListRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tags := someTags(t)
		list := written(t, tags)
		got, err := ParseEntityTags(list)
		if err != nil || !slices.Equal(got, tags) {
			t.Fatalf("ParseEntityTags(%q) = %v, %v; want %v", list, got, err, tags)
		}
	})
}

func TestETag_IfNoneMatchComparesWeakly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tags := someTags(t)
		version := rapid.Int64Range(1, 300).Draw(t, "version")
		named := slices.ContainsFunc(tags, func(tag EntityTag) bool { return tag.Opaque == strconv.FormatInt(version, 10) })
		if got := matchesWeakly(written(t, tags), fmt.Sprintf("%q", strconv.FormatInt(version, 10))); got != named {
			t.Fatalf("version %d matches %v: %t", version, tags, got)
		}
	})
}

// grammar is RFC 9110, sections 5.6.1 and 8.8.3, written another way.
var grammar = regexp.MustCompile(`^[ \t,]*(?:W/)?"[^\x00-\x20"\x7f]*"(?:[ \t]*,[ \t,]*(?:W/)?"[^\x00-\x20"\x7f]*")*[ \t,]*$`)

func FuzzETag_ParseList(f *testing.F) {
	for _, list := range []string{"", "*", `"7"`, `W/"7"`, `"1", W/"2"`, `,, "1" ,`, `"1" "2"`, `"`, `W/`, "\"\xff\"", "\"\x00\"", `"1",`, `W/"1"W/"2"`} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		tags, err := ParseEntityTags(list)
		if wellFormed := grammar.MatchString(list); wellFormed != (err == nil) {
			t.Fatalf("ParseEntityTags(%q) = %v, %v; by the grammar it is a list: %t", list, tags, err, wellFormed)
		}
		if err != nil {
			return
		}
		var again strings.Builder
		for _, tag := range tags {
			if tag.Weak {
				again.WriteString("W/")
			}
			again.WriteString(`"` + tag.Opaque + `", `)
		}
		if got, err := ParseEntityTags(again.String()); err != nil || !slices.Equal(got, tags) {
			t.Fatalf("%q is read as %v, and written again as %v, %v", list, tags, got, err)
		}
	})
}

var member = regexp.MustCompile(`(W/)?"([^"]*)"`)

// FuzzETag_IfNoneMatch compares any list with the tag of a project or an item.
func FuzzETag_IfNoneMatch(f *testing.F) {
	for _, list := range []string{"*", "\v*", `"7"`, `W/"7"`, `"6", W/"7-2"`, `"7`, ""} {
		f.Add(list, int64(7), 2, false)
		f.Add(list, int64(7), 2, true)
	}
	f.Fuzz(func(t *testing.T, list string, version int64, place int, ofItem bool) {
		tag := fmt.Sprintf("%q", strconv.FormatInt(version, 10))
		if ofItem {
			tag = fmt.Sprintf("\"%d-%d\"", version, place)
		}
		want := strings.Trim(list, " \t") == "*"
		for _, other := range member.FindAllStringSubmatch(list, -1) {
			want = want || `"`+codingSuffix.ReplaceAllString(other[2], "")+`"` == tag && grammar.MatchString(list)
		}
		if got := matchesWeakly(list, tag); got != want {
			t.Fatalf("%q matches %s: %t", list, tag, got)
		}
	})
}

func TestETag_IfNoneMatchIgnoresTheCoding(t *testing.T) {
	t.Parallel()
	for _, own := range []string{"3-1", "a81f0c", "a81f0c-gzip"} {
		state := strings.TrimSuffix(own, "-gzip")
		for _, sent := range []string{state, state + "-gzip", state + "--gzip", state + ";br", state + "-zstd"} {
			for _, weak := range []string{"", "W/"} {
				if !matchesWeakly(fmt.Sprintf(`%s"%s"`, weak, sent), `"`+own+`"`) {
					t.Errorf("%s%q does not match %q", weak, sent, own)
				}
			}
		}
		for _, sent := range []string{state + "-", state + "-1", state + "-lzma", "gzip", "-gzip", ""} {
			if matchesWeakly(fmt.Sprintf(`"%s"`, sent), `"`+own+`"`) {
				t.Errorf("%q matches %q", sent, own)
			}
		}
	}
}

func TestETag_OnlyHTTPBlanksMayStandBesideStar(t *testing.T) {
	t.Parallel()
	for _, star := range []string{"*", " *\t"} {
		if !matchesWeakly(star, `"7"`) {
			t.Errorf("%q does not match", star)
		}
	}
	for _, other := range []string{"\u00a0*", "*\u2003", "\v*", "*\n", "*\u2028"} {
		if matchesWeakly(other, `"7"`) {
			t.Errorf("%q matches", other)
		}
	}
}
