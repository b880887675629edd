package httpapi_test

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// limit is a size that the contract bounds. min is 0 if there is no lower
// bound.
type limit struct {
	min, max int
	// accepts reports whether a server accepts a value of size n. Each call
	// uses a new user.
	accepts func(t *testing.T, s *testkit.Server, n int) bool
}

// limits are all limits of the contract, under the names of the published
// contract (see publishedLimits) and of the settings. The contract describes
// the last ones only in words.
var limits = map[string]limit{
	"Project.title":         textLimit(textFields["Project.title"]),
	"Project.description":   textLimit(textFields["Project.description"]),
	"Specification.title":   textLimit(textFields["Specification.title"]),
	"Specification.content": textLimit(textFields["Specification.content"]),
	"Item.content":          textLimit(textFields["Item.content"]),
	"User.name":             textLimit(textFields["User.name"]),
	"Baseline.name":         textLimit(textFields["Baseline.name"]),
	"Baseline.description":  textLimit(textFields["Baseline.description"]),
	"Bot.name":              textLimit(textFields["Bot.name"]),
	"Token.name": {1, 100, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		accepts := func(name string) bool {
			return ann.Post(tokensPath, map[string]any{"name": name, "scopes": []string{"read"}}).Status == 201
		}
		return allEqual(t, accepts(letters(n)), accepts(" "+strings.Repeat(wideLetter, n)+" "))
	}},
	"Token.scopes": {0, 4, func(t *testing.T, s *testkit.Server, n int) bool {
		scopes := []string{"read", "write", "generate", "manage", "read"}
		return s.SignUp(t).Post(tokensPath, map[string]any{"name": "x", "scopes": scopes[:n]}).Status == 201
	}},
	"Token.expires_in": {60, 366 * 24 * 3600, func(t *testing.T, s *testkit.Server, n int) bool {
		return s.SignUp(t).Post(tokensPath, map[string]any{"name": "x", "scopes": []string{"read"}, "expires_in": n}).Status == 201
	}},

	"IdTokenLogin.id_token": {1, 16384, func(t *testing.T, s *testkit.Server, n int) bool {
		return s.Anonymous(t).Post(loginPath, map[string]any{"id_token": letters(n)}).Status == 401
	}},
	"IdTokenLogin.nonce": {0, 255, func(t *testing.T, s *testkit.Server, n int) bool {
		return s.Anonymous(t).Post(loginPath, map[string]any{"id_token": "x", "nonce": letters(n)}).Status == 401
	}},
	"CodeLogin.code":          {1, 2048, codeLoginLimit("code")},
	"CodeLogin.code_verifier": {43, 128, codeLoginLimit("code_verifier")},
	"CodeLogin.redirect_uri":  {1, 2000, codeLoginLimit("redirect_uri")},
	"query return_to": {0, 2000, func(t *testing.T, s *testkit.Server, n int) bool {
		return s.Anonymous(t).Get("/api/v1/auth/google?return_to=/"+letters(max(0, n-1))).Status == 302
	}},
	"query state": callbackLimit("state", 200),
	"query code":  callbackLimit("code", 2048),
	"query error": callbackLimit("error", 200),
	"RefreshBody.refresh_token": {1, 500, func(t *testing.T, s *testkit.Server, n int) bool {
		return s.Anonymous(t).Post(refreshPath, map[string]any{"refresh_token": letters(n)}).Status == 401
	}},
	"LogoutBody.refresh_token": {0, 500, func(t *testing.T, s *testkit.Server, n int) bool {
		return s.Anonymous(t).Post(logoutPath, map[string]any{"refresh_token": letters(n)}).Status == 401
	}},
	"header Authorization": {0, 4096, func(t *testing.T, s *testkit.Server, n int) bool {
		return s.Anonymous(t).Post(logoutPath, nil, "Authorization", letters(n)).Status == 401
	}},
	"header Idempotency-Key": {1, 255, func(t *testing.T, s *testkit.Server, n int) bool {
		a := s.SignUp(t).Do("POST", projectsPath, withTitle("x"), keyHeader, letters(n))
		return n > 0 && a.Status == 201
	}},
	"query page_size": {1, 100, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		execSQL(t, s, "UPDATE users SET role = 'admin' WHERE id = $1", ann.User)
		var verdicts []bool
		for _, path := range []string{projectsPath + "?", newSpecProject(ann).specs() + "?", newSpecProject(ann).items() + "?", usersPath + "?", eventsPath + "?", "/api/v1/search?q=x&"} {
			verdicts = append(verdicts, ann.Get(path+"page_size="+strconv.Itoa(n)).Status == 200)
		}
		return allEqual(t, verdicts...)
	}},
	"query page_token": {0, 2000, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		execSQL(t, s, "UPDATE users SET role = 'admin' WHERE id = $1", ann.User)
		var verdicts []bool
		for _, path := range []string{projectsPath + "?", newSpecProject(ann).specs() + "?", newSpecProject(ann).items() + "?", usersPath + "?", eventsPath + "?", "/api/v1/search?q=x&"} {
			verdicts = append(verdicts, !strings.Contains(string(ann.Get(path+"page_token="+letters(n)).Body), "invalid_parameter"))
		}
		return allEqual(t, verdicts...)
	}},
	"query q of a search": {1, 200, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		return allEqual(t, ann.Get("/api/v1/search?q="+letters(n)).Status == 200,
			ann.Get("/api/v1/search?q="+strings.Repeat("%F0%9F%98%80", n)).Status == 200,
			ann.Get("/api/v1/search?q="+strings.Repeat("%00", n)).Status == 200,
			ann.Get("/api/v1/search?q="+strings.Repeat("%FF", n)).Status == 200)
	}},
	"query q":      filterLimit(usersPath+"?q=", 200),
	"query action": filterLimit(eventsPath+"?action=", 100),

	"query number": {1, 999_999_999, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		return ann.Get(newSpecProject(ann).specs()+"?number="+strconv.Itoa(n)).Status == 200
	}},
	"query ref": {0, 1999, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		refs := strings.Repeat("123456789.123456789,", 100)
		return ann.Get(newSpecProject(ann).items()+"?ref="+refs[len(refs)-1-min(n, len(refs)-1):len(refs)-1]+strings.Repeat("9", max(0, n-len(refs)+1))).Status == 200
	}},

	"query at":             pointLimit(historyPath{"GET", false, "?at="}, historyPath{"GET", true, "/specs?at="}),
	"query from":           pointLimit(historyPath{"GET", false, "/diff?from="}, historyPath{"GET", true, "/diff?from="}),
	"query to":             pointLimit(historyPath{"GET", false, "/diff?from=v1&to="}, historyPath{"GET", true, "/diff?from=r1&to="}),
	"query since":          {0, 17, sinceLimit},
	"header Last-Event-ID": {0, 17, lastEventLimit},
	"query before":         {0, 17, beforeLimit},
	"RestoreBody.to":       restoreLimit(1, 120, "to", letters, "too_long", "blank"),
	"RestoreBody.undo":     restoreLimit(0, 17, "undo", func(n int) string { return "r" + digits(n) }, "wrong_format"),

	"InvitationBody.email": {3, 254, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		address := "a@" + letters(max(0, n-2))
		return ann.Post(newProject(ann, "x").path()+"/invitations", map[string]any{"role": "viewer", "email": address[:min(n, len(address))]}).Status == 201
	}},
	"AcceptBody.secret": {1, 200, func(t *testing.T, s *testkit.Server, n int) bool {
		return s.SignUp(t).Post(acceptPath, map[string]any{"secret": letters(n)}).Status == 404
	}},
	"MAX_MEMBERS_PER_PROJECT": {0, 50, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		p := newProject(ann, "x")
		newMembers(t, s, p, n-1)
		a := accept(s.SignUp(t), invite(ann, p, "viewer").Secret)
		if a.Status != 200 {
			a.WantProblem(409, "member_limit_reached")
		}
		return a.Status == 200
	}},

	"MAX_PROJECTS_PER_USER": {0, 1000, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		execSQL(t, s, `INSERT INTO projects (id, owner_id, title, created_at, updated_at) SELECT gen_random_uuid(), $1, 'x', now(), now() FROM generate_series(2, $2::int)`, ann.User, n)
		execSQL(t, s, `UPDATE users SET project_count = $2 - 1 WHERE id = $1`, ann.User, n)
		return hasRoom(t, ann.Post(projectsPath, withTitle("x")), "project_limit_reached")
	}},
	"MAX_SPECS_PER_PROJECT": {0, 1000, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		h := newSpecProject(ann)
		execSQL(t, s, `INSERT INTO specifications (id, owner_id, project_id, number, title, content, created_at, updated_at)
			SELECT gen_random_uuid(), $1, $2, k, 'x', 'x', now(), now() FROM generate_series(2, $3::int) AS k`, ann.User, h.ID, n)
		execSQL(t, s, `UPDATE projects SET specification_count = $2 - 1, next_specification_number = $2 + 1 WHERE id = $1`, h.ID, n)
		return hasRoom(t, ann.Post(h.specs(), `{"content": "x"}`), "specification_limit_reached")
	}},
	"ItemOrder.item_ids": {0, 500, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		order := make([]string, n)
		for i := range order {
			order[i] = fmt.Sprintf("01a2043e-6e8b-7c3d-9a41-%012d", i)
		}
		return ann.Put(newSpec(ann).items()+"/reorder", map[string]any{"item_ids": order}).Status != 422
	}},
	"ItemListBody.items": {0, 500, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		return ann.Put(newSpec(ann).items(), map[string]any{"items": entries(n)}).Status == 200
	}},
	"Specification.items": {0, 500, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		return ann.Post(newSpecProject(ann).specs(), map[string]any{"content": "x", "items": entries(n)}).Status == 201
	}},
	"ItemEntry.content": {1, 10_000, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		body := map[string]any{"items": []map[string]any{{"content": strings.Repeat("𝒜", n)}}}
		return ann.Put(newSpec(ann).items(), body).Status == 200
	}},
	"MAX_ITEMS_PER_SPEC": {0, 500, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		parent := newSpec(ann)
		execSQL(t, s, `INSERT INTO bullet_items (id, owner_id, spec_id, number, content, created_at, updated_at)
			SELECT gen_random_uuid(), $1, $2, k, 'x', now(), now() FROM generate_series(1, $3::int - 1) AS k`, ann.User, parent.ID, n)
		return hasRoom(t, ann.Post(parent.items(), `{"content": "x"}`), "item_limit_reached")
	}},
	"MAX_BODY_BYTES": {0, mebibyte, func(t *testing.T, s *testkit.Server, n int) bool {
		return s.SignUp(t).Post(projectsPath, padded(n)).Status == 201
	}},

	"the depth of JSON": {0, 16, func(t *testing.T, s *testkit.Server, n int) bool {
		return s.SignUp(t).Post(projectsPath, nested(n)).Status == 422
	}},
	"header X-Request-Id": {1, 64, func(t *testing.T, s *testkit.Server, n int) bool {
		return s.Anonymous(t).Get(projectsPath, "X-Request-Id", letters(n)).Header.Get("X-Request-Id") == letters(n)
	}},
	"live sessions of a user": {0, 20, func(t *testing.T, s *testkit.Server, n int) bool {
		claims := issuer.Claims{Email: fmt.Sprintf("guest-%d@example.com", n)}
		first := withToken(t, s, signIn(t, s, claims).AccessToken)
		for range n - 1 {
			signIn(t, s, claims)
		}
		return first.Get(projectsPath).Status == 200
	}},
}

// filterLimit is the limit of a filter for admins.
func filterLimit(path string, greatest int) limit {
	return limit{0, greatest, func(t *testing.T, s *testkit.Server, n int) bool {
		admin := s.SignUp(t)
		execSQL(t, s, "UPDATE users SET role = 'admin' WHERE id = $1", admin.User)
		return admin.Get(path+letters(n)).Status == 200
	}}
}

// entries are n new items of a list.
func entries(n int) []map[string]any {
	all := make([]map[string]any, n)
	for k := range all {
		all[k] = map[string]any{"content": fmt.Sprint("item ", k)}
	}
	return all
}

func letters(n int) string { return strings.Repeat("x", n) }

// allEqual fails the test unless all verdicts are equal.
func allEqual(t *testing.T, verdicts ...bool) bool {
	t.Helper()
	if slices.Contains(verdicts, !verdicts[0]) {
		t.Errorf("the verdicts differ: %v", verdicts)
	}
	return verdicts[0]
}

// hasRoom reports whether a creation was below the limit.
func hasRoom(t *testing.T, a *testkit.Response, full string) bool {
	t.Helper()
	if a.Status != 201 {
		a.WantProblem(409, full)
	}
	return a.Status == 201
}

func TestValidation_EveryLimitIsExact(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for name, l := range limits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sizes := map[int]bool{l.max: true, l.max + 1: false}
			if l.min > 0 {
				sizes[l.min], sizes[l.min-1] = true, false
			}
			for n, want := range sizes {
				if got := l.accepts(t, s, n); got != want {
					t.Errorf("size %d is accepted: %t, want %t", n, got, want)
				}
			}
		})
	}
}

// publishedLimits are the sizes that the published contract bounds: fields of
// schemas, parameters and headers, each with its minimum and maximum.
func publishedLimits(t *testing.T) map[string][2]int {
	t.Helper()
	type schema struct {
		MinLength, Minimum int
		MaxLength, Maximum *int
		MaxItems           *int
		Pattern            string
		Properties         map[string]schema
	}
	var contract struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Name, In string
				Schema   schema
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	testkit.Start(t).Anonymous(t).Get("/api/v1/openapi.json").Want(200).Decode(&contract)
	found := map[string][2]int{}
	note := func(name string, s schema) {
		var least, greatest int
		switch {
		case s.MaxLength != nil:
			found[name] = [2]int{s.MinLength, *s.MaxLength}
		case s.Maximum != nil:
			found[name] = [2]int{s.Minimum, *s.Maximum}
		case s.MaxItems != nil:
			found[name] = [2]int{0, *s.MaxItems}
		case strings.Contains(s.Pattern, "{"):
			_, size, _ := strings.Cut(s.Pattern, "]{")
			if n, _ := fmt.Sscanf(size, "%d,%d}", &least, &greatest); n == 2 {
				found[name] = [2]int{least, greatest}
			}
		}
	}
	for name, s := range contract.Components.Schemas {
		for field, of := range s.Properties {
			note(resourceNamed(name)+"."+field, of)
		}
	}
	for path, operations := range contract.Paths {
		for _, operation := range operations {
			for _, p := range operation.Parameters {
				name := p.In + " " + p.Name
				if path == "/search" && p.Name == "q" { // has another limit than elsewhere
					name += " of a search"
				}
				note(name, p.Schema)
			}
		}
	}
	return found
}

// resourceNamed is the resource that a schema shows, or that it changes.
func resourceNamed(schema string) string {
	for _, resource := range []string{"Project", "Specification", "Item", "User", "Baseline", "Bot", "Token"} {
		for _, form := range []string{"Body", "Patch", "Row"} {
			if strings.TrimPrefix(schema, "New") == resource+form {
				return resource
			}
		}
	}
	for _, prefix := range []string{"Export", "Managed", "New", "Created"} {
		schema = strings.TrimPrefix(schema, prefix)
	}
	return schema
}

// codeLoginLimit reports whether a sign-in by code accepts a field of size n.
func codeLoginLimit(field string) func(*testing.T, *testkit.Server, int) bool {
	return func(t *testing.T, s *testkit.Server, n int) bool {
		t.Helper()
		body := map[string]any{"code": "x", "code_verifier": letters(43), "redirect_uri": "postmessage"}
		body[field] = letters(n)
		text := string(s.Anonymous(t).Post(loginPath, body).Body)
		return !strings.Contains(text, `"too_long"`) && !strings.Contains(text, `"too_short"`) && !strings.Contains(text, `"blank"`) && !strings.Contains(text, `"wrong_format"`)
	}
}

// callbackLimit is the limit of a parameter of the callback.
func callbackLimit(parameter string, most int) limit {
	return limit{0, most, func(t *testing.T, s *testkit.Server, n int) bool {
		t.Helper()
		return s.Anonymous(t).Get("/api/v1/auth/google/callback?"+parameter+"="+letters(n)).Status == 403
	}}
}

func TestValidation_EveryContractLimitIsTested(t *testing.T) {
	t.Parallel()
	published := publishedLimits(t)
	if len(published) < 10 {
		t.Fatalf("only %d limits are found in the contract", len(published))
	}
	for field := range reflect.TypeFor[server.Settings]().Fields() {
		name, isSetting := field.Tag.Lookup("env")
		if isSetting && strings.HasPrefix(field.Name, "Max") {
			greatest, err := strconv.Atoi(field.Tag.Get("envDefault"))
			if err != nil {
				t.Fatal(err)
			}
			published[name] = [2]int{limits[name].min, greatest}
		}
	}
	for name, want := range published {
		if tested := limits[name]; tested.min != want[0] || tested.max != want[1] {
			t.Errorf("%s has the limits %d to %d, and is tested with %d to %d. Add it to limits in validation_limits_test.go.", name, want[0], want[1], tested.min, tested.max)
		}
	}
}
