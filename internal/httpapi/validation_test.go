package httpapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// A character of four bytes in UTF-8, and of two units in UTF-16.
const wideLetter = "𝒜"

func withTitle(title string) map[string]any { return map[string]any{"title": title} }

func withDescription(description string) map[string]any {
	return map[string]any{"title": "x", "description": description}
}

func TestValidation_AcceptedTexts(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for name, tc := range map[string]struct {
		body  map[string]any
		field string
		want  string // as stored
	}{
		"a title of 1 character":                       {withTitle("x"), "title", "x"},
		"a title of 1 wide character":                  {withTitle(wideLetter), "title", wideLetter},
		"a title of 100 wide characters":               {withTitle(strings.Repeat(wideLetter, 100)), "title", strings.Repeat(wideLetter, 100)},
		"a title of 100 characters, blanks around":     {withTitle(" \t\r\n" + strings.Repeat("é", 100) + "\u3000\u0085"), "title", strings.Repeat("é", 100)},
		"a title with a blank in it":                   {withTitle("a \u2003 b"), "title", "a \u2003 b"},
		"a title of signs that JSON escapes":           {withTitle(`"\/` + "<>&'"), "title", `"\/` + "<>&'"},
		"a title of a noncharacter":                    {withTitle("\ufffe\U0010ffff"), "title", "\ufffe\U0010ffff"},
		"a title of the replacement character itself":  {withTitle("\ufffd"), "title", "\ufffd"},
		"a title that looks like SQL":                  {withTitle(`'); DROP TABLE projects; --`), "title", `'); DROP TABLE projects; --`},
		"no description":                               {withTitle("x"), "description", ""},
		"a description of null, as if left out":        {map[string]any{"title": "x", "description": nil}, "description", ""},
		"an empty description":                         {withDescription(""), "description", ""},
		"a blank description":                          {withDescription(" \n\t "), "description", " \n\t "},
		"a description with tab, line feed and return": {withDescription("a\tb\nc\r\nd"), "description", "a\tb\nc\r\nd"},
		"a description of 5,000 wide characters":       {withDescription(strings.Repeat(wideLetter, 5000)), "description", strings.Repeat(wideLetter, 5000)},
		"a description of 5,000 blanks, all stored":    {withDescription(strings.Repeat(" ", 5000)), "description", strings.Repeat(" ", 5000)},
		"a description with line separators":           {withDescription("a\u2028b\u2029c"), "description", "a\u2028b\u2029c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := s.SignUp(t)
			made := ann.Post(projectsPath, tc.body).Want(201)
			old := newProject(ann, "Old")
			for how, answer := range map[string]*testkit.Response{
				"POST": made, "read back": ann.Get(made.Header.Get("Location")),
				"PATCH": ann.Patch(old.path(), tc.body), "PUT": ann.Put(old.path(), tc.body),
			} {
				if how == "PATCH" && tc.body["description"] == nil {
					continue
				}
				if diff := cmp.Diff(tc.want, answer.JSON()[tc.field]); diff != "" {
					t.Errorf("%s: %s (-want +got):\n%s", how, tc.field, diff)
				}
			}
		})
	}
}

// invalidFields are bodies with errors that POST, PUT and PATCH report alike.
var invalidFields = map[string]struct {
	body any
	want []string
}{
	"an empty title":                        {withTitle(""), []string{"/title blank"}},
	"a blank title":                         {withTitle(" \t\n\u2003\u00a0"), []string{"/title blank"}},
	"a title of 101 characters":             {withTitle(strings.Repeat("x", 101)), []string{"/title too_long"}},
	"a title of 101 wide characters":        {withTitle(strings.Repeat(wideLetter, 101)), []string{"/title too_long"}},
	"a title of 101, blanks around":         {withTitle(" " + strings.Repeat("x", 101) + " "), []string{"/title too_long"}},
	"a title of 100 with a blank within":    {withTitle("x " + strings.Repeat("x", 99)), []string{"/title too_long"}},
	"NUL in the title":                      {withTitle("a\x00b"), []string{"/title control_character"}},
	"NUL at the end of the title":           {withTitle("a\x00"), []string{"/title control_character"}},
	"U+0085 in the title":                   {withTitle("a\u0085b"), []string{"/title control_character"}},
	"DEL in the title":                      {withTitle("a\x7fb"), []string{"/title control_character"}},
	"a line feed in the title":              {withTitle("a\nb"), []string{"/title control_character"}},
	"a return in the title":                 {withTitle("a\rb"), []string{"/title control_character"}},
	"a tab in the title":                    {withTitle("a\tb"), []string{"/title control_character"}},
	"an escape sequence in the title":       {withTitle("a\x1b[31mb"), []string{"/title control_character"}},
	"a long title with a control":           {withTitle(strings.Repeat("x", 101) + "\x01x"), []string{"/title control_character", "/title too_long"}},
	"a description of 5,001 characters":     {withDescription(strings.Repeat("x", 5001)), []string{"/description too_long"}},
	"a description of 5,001 wide ones":      {withDescription(strings.Repeat(wideLetter, 5001)), []string{"/description too_long"}},
	"a description of 5,001 blanks":         {withDescription(strings.Repeat("\n", 5001)), []string{"/description too_long"}},
	"NUL in the description":                {withDescription("a\x00b"), []string{"/description control_character"}},
	"U+0085 in the description":             {withDescription("a\u0085b"), []string{"/description control_character"}},
	"DEL in the description":                {withDescription("a\x7f"), []string{"/description control_character"}},
	"a vertical tab in the description":     {withDescription("a\vb"), []string{"/description control_character"}},
	"a form feed in the description":        {withDescription("a\fb"), []string{"/description control_character"}},
	"a title that is a number":              {`{"title": 7}`, []string{"/title wrong_type"}},
	"a title that is true":                  {`{"title": true}`, []string{"/title wrong_type"}},
	"a title that is a list":                {`{"title": ["x"]}`, []string{"/title wrong_type"}},
	"a title that is an object":             {`{"title": {"title": "x"}}`, []string{"/title wrong_type"}},
	"a title that is null":                  {`{"title": null}`, []string{"/title wrong_type"}},
	"a title that is an enormous number":    {`{"title": 1e999999}`, []string{"/title wrong_type"}},
	"a title that is a number of 400 nines": {`{"title": ` + strings.Repeat("9", 400) + `}`, []string{"/title wrong_type"}},
	"a description that is a number":        {`{"title": "x", "description": 0}`, []string{"/description wrong_type"}},
	"a description that is a list":          {`{"title": "x", "description": []}`, []string{"/description wrong_type"}},
	"both wrong":                            {`{"title": [], "description": {}}`, []string{"/description wrong_type", "/title wrong_type"}},

	"an owner":                         {`{"title": "x", "owner_id": "00000000-0000-7000-8000-000000000000"}`, []string{"/owner_id unknown_field"}},
	"an id":                            {`{"title": "x", "id": "00000000-0000-7000-8000-000000000000"}`, []string{"/id unknown_field"}},
	"a version":                        {`{"title": "x", "version": 9}`, []string{"/version unknown_field"}},
	"a count":                          {`{"title": "x", "specification_count": 9}`, []string{"/specification_count unknown_field"}},
	"times":                            {`{"title": "x", "created_at": "2026-01-01T00:00:00Z", "updated_at": null, "deleted_at": null}`, []string{"/created_at unknown_field", "/deleted_at unknown_field", "/updated_at unknown_field"}},
	"what only the code names":         {`{"title": "x", "draft": {}, "patch": {}, "Value": 1, "__proto__": {}}`, []string{"/Value unknown_field", "/__proto__ unknown_field", "/draft unknown_field", "/patch unknown_field"}},
	"a schema reference":               {`{"title": "x", "$schema": "http://evil.example"}`, []string{"/$schema unknown_field"}},
	"a name with a slash":              {`{"title": "x", "a/b": 1}`, []string{"/a~1b unknown_field"}},
	"a name with a tilde":              {`{"title": "x", "a~b": 1}`, []string{"/a~0b unknown_field"}},
	"a name with ~1":                   {`{"title": "x", "~1/": 1}`, []string{"/~01~1 unknown_field"}},
	"a name with a dot":                {`{"title": "x", "a.b": 1}`, []string{"/a.b unknown_field"}},
	"a name with a bar":                {`{"title": "x", "a|b": 1}`, []string{"/a|b unknown_field"}},
	"a name with an index":             {`{"title": "x", "a[0]": 1}`, []string{"/a[0] unknown_field"}},
	"a name that is an index":          {`{"title": "x", "[3]": 1}`, []string{"/[3] unknown_field"}},
	"a name with a line feed":          {`{"title": "x", "a\nb": 1}`, []string{"/a\nb unknown_field"}},
	"a name that is a line feed":       {`{"title": "x", "\n": 1}`, []string{"/\n unknown_field"}},
	"a name with NUL":                  {`{"title": "x", "a\u0000b": 1}`, []string{"/a\x00b unknown_field"}},
	"an empty name":                    {`{"title": "x", "": 1}`, []string{"/ unknown_field"}},
	"a name of a format directive":     {`{"title": "x", "%s%d": 1}`, []string{"/%s%d unknown_field"}},
	"a title and TITLE":                {`{"title": "x", "TITLE": "y"}`, []string{"/TITLE unknown_field"}},
	"a title and a Description":        {`{"title": "x", "Description": "y"}`, []string{"/Description unknown_field"}},
	"a name that folds to description": {`{"title": "x", "de\u017fcription": "y"}`, []string{"/deſcription unknown_field"}},

	"a list":        {`[]`, []string{"wrong_type"}},
	"a list of one": {`[{"title": "x"}]`, []string{"wrong_type"}},
	"a string":      {`"title"`, []string{"wrong_type"}},
	"a number":      {`7`, []string{"wrong_type"}},
	"true":          {`true`, []string{"wrong_type"}},
	"null":          {`null`, []string{"wrong_type"}},

	"everything at once": {
		`{"title": "` + strings.Repeat("x", 101) + `", "description": "\u0000", "owner_id": 1, "a/b": 2, "z~": 3}`,
		[]string{"/a~1b unknown_field", "/description control_character", "/owner_id unknown_field", "/title too_long", "/z~0 unknown_field"},
	},
}

func TestValidation_EveryFieldErrorIsNamed(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	old := newProject(ann, "Old")
	check := func(t *testing.T, name, method string, body any, want []string) {
		t.Run(method+" of "+name, func(t *testing.T) {
			t.Parallel()
			path := old.path()
			if method == "POST" {
				path = projectsPath
			}
			problem := ann.WithT(t).Do(method, path, body).WantProblem(422, "validation_failed")
			want, got := slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(problem.FieldErrors()))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("field errors (-want +got):\n%s", diff)
			}
			for _, mistake := range problem.Errors {
				if mistake.Detail == "" || revealsInternals(mistake.Detail) {
					t.Errorf("%s %s has the detail %q", mistake.Pointer, mistake.Code, mistake.Detail)
				}
			}
		})
	}
	t.Run("in", func(t *testing.T) {
		for name, tc := range invalidFields {
			for _, method := range []string{"POST", "PUT", "PATCH"} {
				check(t, name, method, tc.body, tc.want)
			}
		}
		for name, tc := range invalidDocuments {
			for _, method := range []string{"POST", "PUT"} {
				check(t, name, method, tc.body, tc.want)
			}
		}
		check(t, "Title", "PATCH", `{"Title": "x"}`, []string{"/Title unknown_field"})
		check(t, "Description of null", "PATCH", `{"Description": null}`, []string{"/Description unknown_field"})
	})
	if got := queryInt(t, s, "SELECT count(*) FROM projects"); got != 1 {
		t.Errorf("rejected bodies created %d projects", got-1)
	}
	if got := queryInt(t, s, "SELECT version FROM projects WHERE id = $1", old.ID); got != 1 {
		t.Errorf("rejected bodies changed the project %d times", got-1)
	}
}

// invalidDocuments are errors of POST and PUT. A PATCH may omit fields.
var invalidDocuments = map[string]struct {
	body string
	want []string
}{
	"nothing":                  {`{}`, []string{"/title required"}},
	"no title":                 {`{"description": "x"}`, []string{"/title required"}},
	"no title and more":        {`{"description": 1, "x": 1}`, []string{"/description wrong_type", "/title required", "/x unknown_field"}},
	"Title":                    {`{"Title": "x"}`, []string{"/Title unknown_field", "/title required"}},
	"TITLE twice":              {`{"TITLE": "x", "Title": "y"}`, []string{"/TITLE unknown_field", "/Title unknown_field", "/title required"}},
	"a title of null, no more": {`{"title": null, "description": null}`, []string{"/title wrong_type"}},
}

// revealsInternals reports whether a text for clients mentions implementation
// details.
func revealsInternals(detail string) bool {
	return slices.ContainsFunc([]string{"json:", "Go ", "httpapi", "float64", "struct", "unmarshal", "jsontext", "SQL", "pgx", "|"}, func(word string) bool {
		return strings.Contains(detail, word)
	})
}

// pkceVerifier is a PKCE verifier of the minimum length.
const pkceVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

func codeBody(code, verifier, redirectURI string) string {
	return fmt.Sprintf(`{"code": %q, "code_verifier": %q, "redirect_uri": %q}`, code, verifier, redirectURI)
}

func TestValidation_SignIn(t *testing.T) {
	t.Parallel()
	anybody := testkit.Start(t).Anonymous(t)
	for name, tc := range map[string]struct {
		body string
		want []string
	}{
		"nothing":                     {`{}`, []string{"/id_token required"}},
		"an empty token":              {`{"id_token": ""}`, []string{"/id_token blank"}},
		"a token of null":             {`{"id_token": null}`, []string{"/id_token required"}},
		"a token that is a number":    {`{"id_token": 1}`, []string{"/id_token wrong_type"}},
		"a nonce that is a list":      {`{"id_token": "x", "nonce": []}`, []string{"/nonce wrong_type"}},
		"a token of 16,385 bytes":     {`{"id_token": "` + strings.Repeat("x", 16385) + `"}`, []string{"/id_token too_long"}},
		"a nonce of 256 characters":   {`{"id_token": "x", "nonce": "` + strings.Repeat("n", 256) + `"}`, []string{"/nonce too_long"}},
		"a code alone":                {`{"code": "x"}`, []string{"/code_verifier required", "/redirect_uri required"}},
		"a verifier alone":            {`{"code_verifier": "` + pkceVerifier + `"}`, []string{"/code required", "/redirect_uri required"}},
		"a redirect URI alone":        {`{"redirect_uri": "postmessage"}`, []string{"/code required", "/code_verifier required"}},
		"an empty code":               {codeBody("", pkceVerifier, "postmessage"), []string{"/code blank"}},
		"a code of 2,049 characters":  {codeBody(strings.Repeat("x", 2049), pkceVerifier, "postmessage"), []string{"/code too_long"}},
		"a verifier of 42 characters": {codeBody("x", pkceVerifier[:42], "postmessage"), []string{"/code_verifier wrong_format"}},
		"a verifier of 129":           {codeBody("x", pkceVerifier+pkceVerifier+pkceVerifier, "postmessage"), []string{"/code_verifier wrong_format"}},
		"a verifier with a blank":     {codeBody("x", pkceVerifier+" ", "postmessage"), []string{"/code_verifier wrong_format"}},
		"a code of null":              {`{"code": null, "code_verifier": "` + pkceVerifier + `", "redirect_uri": "postmessage"}`, []string{"/code required"}},
		"a code and a nonce": {
			`{"code": "x", "code_verifier": "` + pkceVerifier + `", "redirect_uri": "postmessage", "nonce": "n"}`, []string{"/nonce not_allowed"},
		},
		"a token and a code": {`{"id_token": "x", "code": "x"}`, []string{"/code not_allowed"}},
		"both ways to sign in": {
			`{"id_token": "x", "nonce": "n", "code": "x", "code_verifier": "` + pkceVerifier + `", "redirect_uri": "postmessage"}`,
			[]string{"/code not_allowed", "/code_verifier not_allowed", "/redirect_uri not_allowed"},
		},
		"a cookie alone":              {`{"cookie": true}`, []string{"/id_token required"}},
		"a cookie in words":           {`{"id_token": "x", "cookie": "true"}`, []string{"/cookie wrong_type"}},
		"a nonce alone":               {`{"nonce": "n"}`, []string{"/id_token required"}},
		"an unknown field":            {`{"id_token": "x", "role": "admin"}`, []string{"/role unknown_field"}},
		"another case":                {`{"ID_Token": "x"}`, []string{"/ID_Token unknown_field", "/id_token required"}},
		"the token and another case":  {`{"id_token": "x", "Id_token": "y"}`, []string{"/Id_token unknown_field"}},
		"a list":                      {`[]`, []string{"wrong_type"}},
		"the embedded caller by name": {`{"id_token": "x", "Caller": {"from": {"IP": "::1"}}}`, []string{"/Caller unknown_field"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problem := anybody.WithT(t).Post("/api/v1/auth/login", tc.body).WantProblem(422, "validation_failed")
			got := problem.FieldErrors()
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("field errors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidation_ProblemHasFormOfContract(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	answer := ann.Post(projectsPath, `{"x": 1}`, "X-Request-Id", "my.request-1").Want(422)
	if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type = %s", got)
	}
	var got map[string]any
	if err := json.Unmarshal(answer.Body, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"title", "detail"} {
		if text, _ := got[name].(string); text == "" {
			t.Errorf("no %s", name)
		}
		delete(got, name)
	}
	for _, mistake := range got["errors"].([]any) {
		delete(mistake.(map[string]any), "detail")
	}
	want := map[string]any{
		"type": "/problems/validation_failed", "status": 422.0, "instance": projectsPath, "code": "validation_failed",
		"request_id": "my.request-1", "errors": []any{
			map[string]any{"pointer": "/title", "code": "required"},
			map[string]any{"pointer": "/x", "code": "unknown_field"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problem (-want +got):\n%s", diff)
	}
}
