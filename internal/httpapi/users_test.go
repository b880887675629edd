package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

const mePath = "/api/v1/users/me"

// profile is what a client reads of a user.
type profile struct {
	ID          string  `json:"id"`
	Email       string  `json:"email"`
	Name        string  `json:"name"`
	PictureURL  *string `json:"picture_url"`
	Role        string  `json:"role"`
	CreatedAt   string  `json:"created_at"`
	LastLoginAt string  `json:"last_login_at"`
}

func profileOf(a *testkit.Response) (p profile) {
	a.Decode(&p)
	return p
}

func TestOnesProfileIsThatOfTheSignIn(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	var grant struct {
		AccessToken string `json:"access_token"`
		User        profile
	}
	token := s.IDToken(t, issuer.Claims{Email: "eve@example.com"})
	s.Anonymous(t).Post("/api/v1/auth/login", map[string]any{"id_token": token}).Want(200).Decode(&grant)
	eve := s.Anonymous(t)
	eve.Token = grant.AccessToken
	got := profileOf(eve.Get(mePath).Want(200))
	if diff := cmp.Diff(grant.User, got); diff != "" {
		t.Errorf("profile (-at sign-in +now):\n%s", diff)
	}
	if got.Email != "eve@example.com" || got.Role != "user" || got.CreatedAt != got.LastLoginAt {
		t.Errorf("profile %+v", got)
	}
	s.Anonymous(t).Get(mePath).WantProblem(401, "token_missing")
	eve.Get(mePath+"?fields=name").WantProblem(400, "invalid_parameter")
}

var signIns atomic.Int64

// signInAgain signs in with a token that nobody has used: two of one person in
// one second are else the same.
func signInAgain(t *testing.T, s *testkit.Server, email string) *testkit.Client {
	t.Helper()
	token := s.IDToken(t, issuer.Claims{Email: email, Extra: map[string]any{"jti": fmt.Sprint("again-", signIns.Add(1))}})
	c := s.Anonymous(t)
	answer := c.Post("/api/v1/auth/login", map[string]any{"id_token": token}).Want(200).JSON()
	c.Token, _ = answer["access_token"].(string)
	c.User = profileOf(c.Get(mePath).Want(200)).ID
	return c
}

func TestAMergePatchIsTakenByItsName(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	old := newSpec(ann, "a")
	for path, tc := range map[string]struct{ field, text string }{
		mePath:                        {"name", "New"},
		old.path():                    {"title", "New"},
		bulletsOf(ann, old)[0].path(): {"content", "New"},
	} {
		t.Run(tc.field, func(t *testing.T) {
			t.Parallel()
			body := map[string]string{tc.field: tc.text}
			if got := ann.WithT(t).Patch(path, body, "Content-Type", "application/merge-patch+json").Want(200).JSON(); got[tc.field] != tc.text {
				t.Errorf("answered %v", got)
			}
		})
	}
}

func TestANameThatIsTaken(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for name, tc := range map[string]struct{ name, want string }{
		"one letter":               {"x", "x"},
		"blanks around":            {" \u2003Ann\u00a0\n", "Ann"},
		"200 characters":           {strings.Repeat("🧾", 200), strings.Repeat("🧾", 200)},
		"200, and blanks around":   {" " + strings.Repeat("x", 200) + " ", strings.Repeat("x", 200)},
		"what HTML would take":     {`<b>"Ann"</b> & co`, `<b>"Ann"</b> & co`},
		"combining characters":     {"Anne\u0301", "Anne\u0301"},
		"what looks like SQL":      {`'; DROP TABLE users; --`, `'; DROP TABLE users; --`},
		"both directions of lines": {"\u05d0\u202eAnn", "\u05d0\u202eAnn"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := s.SignUp(t)
			before := profileOf(ann.Get(mePath).Want(200))
			want := before
			want.Name = tc.want
			if diff := cmp.Diff(want, profileOf(ann.Patch(mePath, map[string]any{"name": tc.name}).Want(200))); diff != "" {
				t.Errorf("profile (-want +answered):\n%s", diff)
			}
			if diff := cmp.Diff(want, profileOf(ann.Get(mePath).Want(200))); diff != "" {
				t.Errorf("profile (-want +read):\n%s", diff)
			}
			// What the caller chose is not undone by what the provider says.
			again := signInAgain(t, s, before.Email)
			if now := profileOf(again.Get(mePath).Want(200)); now.Name != tc.want || now.ID != before.ID {
				t.Errorf("after another sign-in: %+v", now)
			}
		})
	}
}

func TestAChangeOfAProfileThatIsRefused(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	before := profileOf(ann.Get(mePath).Want(200))
	for body, want := range map[string]string{
		`{"name": ""}`:                   "/name blank",
		`{"name": " \t\n\u2003"}`:        "/name blank",
		`{"name": "a\nb"}`:               "/name control_character",
		`{"name": "a\u0000b"}`:           "/name control_character",
		`{"name": "a\u0085b"}`:           "/name control_character",
		`{"name": null}`:                 "/name wrong_type",
		`{"name": 7}`:                    "/name wrong_type",
		`{"name": ["Ann"]}`:              "/name wrong_type",
		`{"Name": "x"}`:                  "/Name unknown_field",
		`{"name": "x", "role": "admin"}`: "/role unknown_field",
		`{"email": "x@example.com"}`:     "/email unknown_field",
		`{"id": "x", "picture_url": null, "suspended": false}`:       "/id unknown_field, /picture_url unknown_field, /suspended unknown_field",
		`{"name": "` + strings.Repeat("🧾", 201) + `"}`:               "/name too_long",
		`{"name": "` + strings.Repeat("x", 201) + `\u0001x", "a":1}`: "/a unknown_field, /name control_character, /name too_long",
		`null`: "wrong_type",
		`[]`:   "wrong_type",
	} {
		t.Run(body[:min(len(body), 40)], func(t *testing.T) {
			t.Parallel()
			ann := ann.WithT(t)
			got := ann.Patch(mePath, body).WantProblem(422, "validation_failed").FieldErrors()
			slices.Sort(got)
			if joined := strings.Join(got, ", "); joined != want {
				t.Errorf("faults %s, want %s", joined, want)
			}
			if diff := cmp.Diff(before, profileOf(ann.Get(mePath).Want(200))); diff != "" {
				t.Errorf("profile (-before +after):\n%s", diff)
			}
		})
	}
	for _, body := range []string{`{}`, fmt.Sprintf(`{"name": %q}`, before.Name)} {
		if diff := cmp.Diff(before, profileOf(ann.Patch(mePath, body).Want(200))); diff != "" {
			t.Errorf("%s (-before +after):\n%s", body, diff)
		}
	}
}

// mentions counts the rows of all tables that hold a text anywhere.
func mentions(t *testing.T, s *testkit.Server, text string) map[string]int {
	t.Helper()
	conn := superuser(t, s)
	found := map[string]int{}
	for _, table := range one[[]string](t, conn, `SELECT array_agg(tablename::text) FROM pg_tables WHERE schemaname = 'public'`) {
		if n := one[int](t, conn, "SELECT count(*) FROM "+table+" AS r WHERE strpos(r::text, $1) > 0", text); n > 0 {
			found[table] = n
		}
	}
	return found
}

func TestADeletedAccountLeavesNothing(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	replica := s.Replica(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	email := profileOf(ann.Get(mePath).Want(200)).Email
	phone := signInAgain(t, s, email) // a second session
	live := newSpec(ann, "a", "b")
	dead := home{ID: live.ProjectID}.add(ann, "x")
	newBullet(ann, dead, "x")
	ann.Delete(dead.path()).Want(204)
	ann.Post(live.items(), `{"content": "x"}`, keyHeader, "k").Want(201)
	trashed := newHome(ann)
	trashed.add(ann, "x")
	ann.Delete(trashed.path()).Want(204)
	bobs := newSpec(bob, "a")
	bobsRows := mentions(t, s, bob.User)
	for _, table := range []string{"users", "sessions", "projects", "specifications", "bullet_items", "idempotency_keys"} {
		if mentions(t, s, ann.User)[table] == 0 {
			t.Fatalf("the test is void: nothing of ann is in %s", table)
		}
	}

	used := s.IDToken(t, issuer.Claims{Email: email, Extra: map[string]any{"jti": "before-the-end"}})
	s.Anonymous(t).Post(loginPath, map[string]any{"id_token": used}).Want(200)
	if body := ann.Delete(mePath).Want(204).Body; len(body) > 0 {
		t.Errorf("the 204 has a body: %s", body)
	}
	for where, c := range map[string]*testkit.Client{
		"here": ann, "at the replica": ann.At(replica), "the phone": phone, "the phone at the replica": phone.At(replica),
	} {
		for path, a := range map[string]*testkit.Response{
			"me": c.Get(mePath), "export": c.Get(mePath + "/export"), "item": c.Get(bulletsOf(bob, bobs)[0].path()), "delete": c.Delete(mePath),
			"create": c.Post("/api/v1/projects", `{"title": "x"}`), "bad": c.Post("/api/v1/projects", `{`),
		} {
			if a.Status != 401 || !strings.Contains(string(a.Body), `"token_revoked"`) || a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s, %s: answered %d: %s", where, path, a.Status, a.Body)
			}
		}
	}
	for _, text := range []string{ann.User, email, live.ID, dead.ID, trashed.ID} {
		left := mentions(t, s, text)
		if text == ann.User { // by its id alone: what happened is told of whoever it was
			delete(left, "audit_events")
		}
		if len(left) > 0 {
			t.Errorf("%s is still in %v", text, left)
		}
	}
	if diff := cmp.Diff(bobsRows, mentions(t, s, bob.User)); diff != "" {
		t.Errorf("rows of somebody else (-before +after):\n%s", diff)
	}

	s.Anonymous(t).Post(loginPath, map[string]any{"id_token": used}).WantProblem(401, "google_token_invalid")
	again := signInAgain(t, s, email)
	if again.User == ann.User {
		t.Error("who signs in again is the deleted user")
	}
	if got := strings.TrimSpace(string(again.Get("/api/v1/projects").Want(200).Body)); got != `{"projects":[],"next_page_token":""}` {
		t.Errorf("who signs in again has %s", got)
	}
	again.Get(live.path()).WantProblem(404, "specification_not_found")
	ann.Get(mePath).WantProblem(401, "token_revoked")
}
