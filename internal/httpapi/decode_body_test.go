package httpapi_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// nested returns a body of this depth.
func nested(depth int) string {
	return `{"title": "x", "description": ` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
}

// notOneJSONValue are bodies that are malformed for every operation.
var notOneJSONValue = map[string]string{
	"nothing":                            "",
	"white space":                        " \t\r\n",
	"a bare word":                        "title",
	"an open object":                     `{`,
	"an open string":                     `{"title": "x`,
	"a name without a value":             `{"title"}`,
	"a value without a name":             `{"x"}`,
	"a comma too many":                   `{"title": "x",}`,
	"a comma too few":                    `{"title": "x" "description": "y"}`,
	"single quotes":                      `{'title': 'x'}`,
	"a name without quotes":              `{title: "x"}`,
	"a comment":                          `{"title": "x" /* really */}`,
	"a comment after it":                 `{"title": "x"} // really`,
	"a second value":                     `{"title": "x"}{}`,
	"a second value after a line feed":   "{\"title\": \"x\"}\n{\"title\": \"y\"}",
	"a word after it":                    `{"title": "x"} x`,
	"NUL after it":                       "{\"title\": \"x\"}\x00",
	"a closing brace too many":           `{"title": "x"}}`,
	"a duplicate name":                   `{"title": "x", "title": "x"}`,
	"a duplicate name, once escaped":     `{"title": "x", "t\u0069tle": "y"}`,
	"a duplicate of an unknown name":     `{"title": "x", "y": 1, "y": 1}`,
	"a duplicate name further down":      `{"title": "x", "y": [{"a": 1, "a": 2}]}`,
	"NaN":                                `{"title": NaN}`,
	"Infinity":                           `{"title": -Infinity}`,
	"a number with a leading zero":       `{"title": 01}`,
	"a number with a plus":               `{"title": +1}`,
	"a hexadecimal number":               `{"title": 0x1}`,
	"True":                               `{"title": True}`,
	"a raw line feed in a string":        "{\"title\": \"a\nb\"}",
	"a raw NUL in a string":              "{\"title\": \"a\x00b\"}",
	"an escape that JSON has not":        `{"title": "\x41"}`,
	"an escape cut short":                `{"title": "\u00"}`,
	"bad UTF-8 in a value":               "{\"title\": \"a\xffb\"}",
	"bad UTF-8 in a name":                "{\"title\": \"x\", \"a\xff\": 1}",
	"bad UTF-8 outside of strings":       "{\"title\": \"x\"}\xff",
	"UTF-8 that is cut short":            "{\"title\": \"\xf0\x9d\x92\"}",
	"UTF-8 that is longer than needed":   "{\"title\": \"\xc0\x80\"}",
	"a surrogate in UTF-8":               "{\"title\": \"\xed\xa0\x80\"}",
	"a pair of surrogates in UTF-8":      "{\"title\": \"\xed\xa0\xb5\xed\xb2\x9c\"}",
	"beyond Unicode":                     "{\"title\": \"\xf4\x90\x80\x80\"}",
	"half of a pair, the high one":       `{"title": "\ud835"}`,
	"half of a pair, the low one":        `{"title": "\udc9c"}`,
	"half of a pair before a letter":     `{"title": "\ud835x"}`,
	"a pair the wrong way round":         `{"title": "\udc9c\ud835"}`,
	"half of a pair in a name":           `{"title": "x", "\ud835": 1}`,
	"a byte order mark":                  "\ufeff{\"title\": \"x\"}",
	"UTF-16":                             "{\x00\"\x00t\x00\"\x00:\x001\x00}\x00",
	"17 levels":                          nested(17),
	"17 levels and open":                 `{"title": ` + strings.Repeat("[", 16),
	"10,000 levels":                      strings.Repeat("[", 10000) + strings.Repeat("]", 10000),
	"6,000 levels of objects":            strings.Repeat(`{"":`, 6000),
	"closing brackets":                   strings.Repeat("]", 100),
	"17 levels after closing brackets":   strings.Repeat("]", 100) + nested(17),
	"17 levels behind a quoted quote":    `{"title": "\\\"", "y": ` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`,
	"undeclared gzip":                    "\x1f\x8b\x08\x00\x00\x00\x00\x00",
	"a form":                             "title=x&description=y",
	"two values, one of them invalid":    `{"title": 1} {"title": 2}`,
	"malformed after field errors":       `{"title": 1, "x": 2, "description": }`,
	"a duplicate name and a field error": `{"x": 1, "x": 2}`,
}

func TestDecode_OtherThanOneJSONValueIsMalformed(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	old := newProject(ann, "Old")
	t.Run("at", func(t *testing.T) {
		for name, body := range notOneJSONValue {
			for path, method := range map[string]string{projectsPath: "POST", old.path(): "PUT", old.path() + "?": "PATCH", "/api/v1/auth/login": "POST"} {
				t.Run(method+" "+path+" with "+name, func(t *testing.T) {
					t.Parallel()
					problem := ann.WithT(t).Do(method, path, body).WantProblem(400, "malformed_json")
					if problem.Detail == "" || revealsInternals(problem.Detail) || problem.Errors != nil {
						t.Errorf("it has the detail %q and %v", problem.Detail, problem.Errors)
					}
				})
			}
		}
	})
	if got := queryInt(t, s, "SELECT count(*) + sum(version) FROM projects"); got != 2 {
		t.Error("a malformed body created or changed a project")
	}
}

func TestDecode_OneJSONValueIsAccepted(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for name, tc := range map[string]struct {
		body string
		want int
	}{
		"white space around":           {" \r\n\t{ \"title\" :\n\"x\" }\t\r\n ", 201},
		"names with escapes":           {`{"\u0074itle": "x"}`, 201},
		"a pair of surrogates":         {`{"title": "\uD835\uDC9C"}`, 201},
		"brackets within a string":     {`{"title": "` + strings.Repeat("[{", 20) + `"}`, 201},
		"quoted quotes and brackets":   {`{"title": "\\\"` + strings.Repeat("[", 20) + `\\"}`, 201},
		"16 levels of the wrong type":  {nested(16), 422},
		"16 levels of an unknown name": {`{"title": "x", "y": ` + strings.Repeat(`{"a":`, 14) + `[]` + strings.Repeat("}", 14) + `}`, 422},
		"many levels side by side":     {`{"title": "x", "y": [` + strings.Repeat("[[]],", 50) + `[]]}`, 422},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann.WithT(t).Post(projectsPath, tc.body).Want(tc.want)
		})
	}
}

const mebibyte = 1 << 20

// padded returns a body for a project with this many bytes.
func padded(size int) string {
	body := `{"title": "x"}`
	return body + strings.Repeat(" ", size-len(body))
}

func TestDecode_BodyLimitIsOneMebibyte(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	old := newProject(ann, "Old")
	for name, tc := range map[string]struct {
		size   int
		method string
		path   string
		want   int
	}{
		"POST of exactly 1 MiB":          {mebibyte, "POST", projectsPath, 201},
		"PUT of exactly 1 MiB":           {mebibyte, "PUT", old.path(), 200},
		"PATCH of exactly 1 MiB":         {mebibyte, "PATCH", old.path(), 200},
		"POST of 1 byte more":            {mebibyte + 1, "POST", projectsPath, 413},
		"PUT of 1 byte more":             {mebibyte + 1, "PUT", old.path(), 413},
		"PATCH of 1 byte more":           {mebibyte + 1, "PATCH", old.path(), 413},
		"a sign-in of 1 byte more":       {mebibyte + 1, "POST", "/api/v1/auth/login", 413},
		"POST of twice as much and more": {2*mebibyte + 1, "POST", projectsPath, 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := ann.WithT(t).Do(tc.method, tc.path, padded(tc.size)).Want(tc.want)
			if tc.want == 413 {
				answer.WantProblem(413, "body_too_large")
			}
		})
	}
	for name, tc := range map[string]struct{ size, want int }{
		"exactly 1 MiB": {mebibyte, 201},
		"1 byte more":   {mebibyte + 1, 413},
	} {
		t.Run("in chunks, "+name, func(t *testing.T) {
			t.Parallel()
			answer := sendRaw(t, s, "POST "+projectsPath+" HTTP/1.1", "Authorization: Bearer "+ann.Token,
				"Transfer-Encoding: chunked", "", strconv.FormatInt(int64(tc.size), 16), padded(tc.size), "0", "", "")
			if answer.Status != tc.want {
				t.Errorf("got %d: %s", answer.Status, answer.Body)
			}
		})
	}
}

func TestDecode_TruncatedBodyIsMalformed(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	for name, lines := range map[string][]string{
		"with a length":    {"Content-Length: 100", "", `{"title": "x"}`},
		"in chunks":        {"Transfer-Encoding: chunked", "", "64", `{"title": "x"}`},
		"in broken chunks": {"Transfer-Encoding: chunked", "", "zz", `{"title": "x"}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			head := []string{"POST " + projectsPath + " HTTP/1.1", "Authorization: Bearer " + ann.Token, "Content-Type: application/json"}
			answer := sendRawThenClose(t, s, func() {}, append(head, lines...)...)
			if answer.Status != 400 || !strings.Contains(answer.Body, `"malformed_json"`) {
				t.Errorf("got %d: %s", answer.Status, answer.Body)
			}
		})
	}
}

func TestDecode_ContentTypeOfBody(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	type headers = []string
	for name, tc := range map[string]struct {
		headers     headers
		post, patch int
	}{
		"JSON":                          {headers{"Content-Type", "application/json"}, 201, 200},
		"JSON in capitals":              {headers{"Content-Type", "Application/JSON"}, 201, 200},
		"JSON in UTF-8":                 {headers{"Content-Type", "application/json; charset=utf-8"}, 201, 200},
		"JSON in UTF-8 in capitals":     {headers{"Content-Type", `application/json;Charset="UTF-8"`}, 201, 200},
		"JSON with blanks":              {headers{"Content-Type", "application/json ; charset=utf-8"}, 201, 200},
		"JSON with a semicolon":         {headers{"Content-Type", "application/json;"}, 201, 200},
		"no media type":                 {headers{"Content-Type", ""}, 201, 200},
		"identity":                      {headers{"Content-Encoding", "identity"}, 201, 200},
		"a merge patch":                 {headers{"Content-Type", "application/merge-patch+json"}, 415, 200},
		"a merge patch in UTF-8":        {headers{"Content-Type", "application/merge-patch+json; charset=UTF-8"}, 415, 200},
		"a JSON Patch (RFC 6902)":       {headers{"Content-Type", "application/json-patch+json"}, 415, 415},
		"a problem":                     {headers{"Content-Type", "application/problem+json"}, 415, 415},
		"text":                          {headers{"Content-Type", "text/plain"}, 415, 415},
		"JSON as text":                  {headers{"Content-Type", "text/json"}, 415, 415},
		"a form":                        {headers{"Content-Type", "application/x-www-form-urlencoded"}, 415, 415},
		"parts":                         {headers{"Content-Type", "multipart/form-data; boundary=x"}, 415, 415},
		"XML":                           {headers{"Content-Type", "application/xml"}, 415, 415},
		"anything":                      {headers{"Content-Type", "*/*"}, 415, 415},
		"an empty media type":           {headers{"Content-Type", ";"}, 415, 415},
		"JSON in Latin 1":               {headers{"Content-Type", "application/json; charset=iso-8859-1"}, 415, 415},
		"JSON in UTF-16":                {headers{"Content-Type", "application/json; charset=utf-16"}, 415, 415},
		"two media types in one":        {headers{"Content-Type", "application/json, text/plain"}, 415, 415},
		"more than JSON":                {headers{"Content-Type", "application/jsonx"}, 415, 415},
		"gzip":                          {headers{"Content-Encoding", "gzip"}, 415, 415},
		"gzip in capitals":              {headers{"Content-Encoding", "GZIP"}, 415, 415},
		"brotli":                        {headers{"Content-Encoding", "br"}, 415, 415},
		"identity, then gzip":           {headers{"Content-Encoding", "identity, gzip"}, 415, 415},
		"identity, then gzip, in lines": {headers{"Content-Encoding", "identity", "Content-Encoding", "gzip"}, 415, 415},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := s.SignUp(t)
			old := newProject(ann, "Old")
			put := tc.post
			if put == 201 {
				put = 200
			}
			for method, want := range map[string]int{"POST": tc.post, "PUT": put, "PATCH": tc.patch} {
				path := old.path()
				if method == "POST" {
					path = projectsPath
				}
				answer := ann.Do(method, path, `{"title": "x"}`, tc.headers...).Want(want)
				if want == 415 {
					answer.WantProblem(415, "unsupported_media_type")
				}
			}
		})
	}
}

func TestDecode_ContentTypeWithoutBodyIsIgnored(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	p := newProject(ann, "Invoices")
	for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "nonsense"} {
		ann.Get(p.path(), "Content-Type", media).Want(200)
		ann.Delete(p.path(), "Content-Type", media).Want(204)
		ann.Post(p.path()+"/restore", nil, "Content-Type", media).Want(200)
	}
}
