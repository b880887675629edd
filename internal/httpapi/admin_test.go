package httpapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

const (
	usersPath  = "/api/v1/admin/users"
	eventsPath = "/api/v1/admin/audit-events"
	adminEmail = "admin@example.com"
)

// withAdmin names the admin of these tests.
func withAdmin(s *server.Settings) { s.AdminEmails = []string{adminEmail} }

// household is a server with an admin, an auditor, and somebody.
func household(t *testing.T) (s *testkit.Server, admin, auditor, ann *testkit.Client) {
	t.Helper()
	s = testkit.StartShared(t, withAdmin)
	admin, auditor, ann = s.SignIn(t, adminEmail), s.SignIn(t, "auditor@example.com"), s.SignIn(t, "ann@example.com")
	admin.Patch(usersPath+"/"+auditor.User, `{"role": "auditor"}`).Want(200)
	return s, admin, auditor, ann
}

type managedUser struct {
	ID        string `json:"id"`
	Email     string `json:"email"`
	Role      string `json:"role"`
	Suspended bool   `json:"suspended"`
}

type usersPage struct {
	Users         []managedUser `json:"users"`
	NextPageToken string        `json:"next_page_token"`
}

type auditEvent struct {
	ID           string            `json:"id"`
	At           time.Time         `json:"at"`
	ActorID      *string           `json:"actor_id"`
	Action       string            `json:"action"`
	ResourceType string            `json:"resource_type"`
	ResourceID   *string           `json:"resource_id"`
	IP           string            `json:"ip"`
	UserAgent    string            `json:"user_agent"`
	RequestID    string            `json:"request_id"`
	Details      map[string]string `json:"details"`
}

type eventsPage struct {
	Events        []auditEvent `json:"audit_events"`
	NextPageToken string       `json:"next_page_token"`
}

// eventsOf reads all pages of the audit, the newest first.
func eventsOf(c *testkit.Client, filters ...string) (all []auditEvent) {
	query := url.Values{"page_size": {"3"}}
	for n := 0; n+1 < len(filters); n += 2 {
		query.Set(filters[n], filters[n+1])
	}
	for {
		var page eventsPage
		c.Get(eventsPath + "?" + query.Encode()).Want(200).Decode(&page)
		all = append(all, page.Events...)
		if page.NextPageToken == "" {
			return all
		}
		query.Set("page_token", page.NextPageToken)
	}
}

func TestAdminEmailsMakeTheFirstAdmin(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, func(s *server.Settings) { s.AdminEmails = []string{"First.Admin@Example.com"} })
	if role := profileOf(s.SignIn(t, "first.admin@example.com").Get(mePath).Want(200)).Role; role != "admin" {
		t.Errorf("a named address has the role %s", role)
	}
	for _, other := range []string{"first.admin@example.com.evil.test", "xfirst.admin@example.com", "fir\u017ft.admin@example.com"} {
		if role := profileOf(s.SignIn(t, other).Get(mePath).Want(200)).Role; role != "user" {
			t.Errorf("%s has the role %s", other, role)
		}
	}
}

func TestSomebodyKnownBecomesAdminAtTheNextSignIn(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	before := s.SignIn(t, adminEmail)
	before.Get(usersPath).WantProblem(403, "permission_denied")
	after := signInAgain(t, s.Replica(t, withAdmin), adminEmail)
	if after.User != before.User {
		t.Fatalf("signed in as %s, not as %s", after.User, before.User)
	}
	after.Get(usersPath).Want(200)
	before.Get(usersPath).Want(200) // the role is the user's, not the token's
}

func TestTheStaffListsAndSearchesUsers(t *testing.T) {
	t.Parallel()
	s, admin, auditor, ann := household(t)
	for n := range 5 {
		s.SignIn(t, fmt.Sprintf("Person_%d%%@example.com", n))
	}
	want := []string{"Person_4%@example.com", "Person_3%@example.com", "Person_2%@example.com", "Person_1%@example.com", "Person_0%@example.com", "ann@example.com", "auditor@example.com", adminEmail}
	for _, c := range []*testkit.Client{admin, auditor} {
		var got []string
		for token := ""; ; {
			var page usersPage
			c.Get(usersPath + "?page_size=3&page_token=" + token).Want(200).Decode(&page)
			for _, u := range page.Users {
				got = append(got, u.Email)
			}
			if token = page.NextPageToken; token == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("users (-want +got):\n%s", diff)
		}
	}
	for q, count := range map[string]int{"ANN@": 1, "person_": 5, "3%": 1, "%": 5, "_": 5, "nobody": 0, "example.com": 8, "": 8} {
		var page usersPage
		admin.Get(usersPath + "?q=" + url.QueryEscape(q)).Want(200).Decode(&page)
		if len(page.Users) != count {
			t.Errorf("%q finds %d users, want %d", q, len(page.Users), count)
		}
	}
	var page usersPage
	admin.Get(usersPath + "?page_size=1&q=person").Want(200).Decode(&page)
	admin.Get(usersPath+"?page_size=1&q=ann&page_token="+page.NextPageToken).WantProblem(400, "invalid_page_token")
	auditor.Get(usersPath+"?page_size=1&q=person&page_token="+page.NextPageToken).WantProblem(400, "invalid_page_token")
	admin.Get(eventsPath+"?page_token="+page.NextPageToken).WantProblem(400, "invalid_page_token")
	ann.Get(usersPath).WantProblem(403, "permission_denied")
}

func TestASuspendedUserIsOutAtOnceOnEveryReplica(t *testing.T) {
	t.Parallel()
	s, admin, _, ann := household(t)
	replica := s.Replica(t, withAdmin)
	phone := signInAgain(t, s, "ann@example.com")
	p := newProject(ann, "Invoices")
	var changed managedUser
	admin.Patch(usersPath+"/"+ann.User, `{"suspended": true}`).Want(200).Decode(&changed)
	if diff := cmp.Diff(managedUser{ann.User, "ann@example.com", "user", true}, changed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, c := range []*testkit.Client{ann, ann.At(replica), phone, phone.At(replica)} {
		c.Get(p.path()).WantProblem(401, "token_revoked")
	}
	s.Anonymous(t).Post("/api/v1/auth/refresh", map[string]any{"refresh_token": ann.RefreshToken}).WantProblem(401, "refresh_token_invalid")
	s.Anonymous(t).Post(loginPath, map[string]any{"id_token": anotherToken(t, s, "ann@example.com")}).WantProblem(403, "account_suspended")

	admin.Patch(usersPath+"/"+ann.User, `{"suspended": false}`).Want(200)
	ann.Get(p.path()).WantProblem(401, "token_revoked")
	signInAgain(t, s, "ann@example.com").Get(p.path()).Want(200)
}

func TestAChangedRoleCountsFromTheNextRequest(t *testing.T) {
	t.Parallel()
	s, admin, _, ann := household(t)
	replica := s.Replica(t, withAdmin)
	for role, want := range map[string]struct{ read, change int }{"auditor": {200, 403}, "admin": {200, 200}, "user": {403, 403}} {
		admin.Patch(usersPath+"/"+ann.User, map[string]any{"role": role}).Want(200)
		for _, c := range []*testkit.Client{ann, ann.At(replica)} {
			if got := c.Get(usersPath).Status; got != want.read {
				t.Errorf("a new %s reads users: %d, want %d", role, got, want.read)
			}
			if got := c.Patch(usersPath+"/"+admin.User, `{}`).Status; got != want.change {
				t.Errorf("a new %s changes users: %d, want %d", role, got, want.change)
			}
		}
	}
}

func TestNobodyChangesTheirOwnRole(t *testing.T) {
	t.Parallel()
	_, admin, auditor, ann := household(t)
	for _, body := range []string{`{"role": "user"}`, `{"suspended": true}`, `{}`} {
		for _, c := range []*testkit.Client{admin, auditor, ann} {
			c.Patch(usersPath+"/"+c.User, body).WantProblem(403, "permission_denied")
		}
	}
	admin.Get(usersPath).Want(200)
}

func TestAnAdminSeesPeopleAndNothingThatIsTheirs(t *testing.T) {
	t.Parallel()
	_, admin, auditor, ann := household(t)
	spec := newSpec(ann, "a")
	for _, c := range []*testkit.Client{admin, auditor} {
		c.Get("/api/v1/projects/"+spec.ProjectID).WantProblem(404, "project_not_found")
		c.Get(spec.path()).WantProblem(404, "specification_not_found")
		c.Get(bulletsOf(ann, spec)[0].path()).WantProblem(404, "item_not_found")
		if page := list(c); len(page.Projects) != 0 {
			t.Errorf("the staff sees %+v", page.Projects)
		}
	}
}

func TestOfTwoAdminsWhoDemoteEachOtherOneRemains(t *testing.T) {
	t.Parallel()
	s, admin, _, ann := household(t)
	admin.Patch(usersPath+"/"+ann.User, `{"role": "admin"}`).Want(200)
	for round := range 20 {
		pair := races.Clients{admin, ann.At(s)}.WithRetry()
		answers := races.SendConcurrently(t, 2, func(k int) *testkit.Response {
			return pair[k].Patch(usersPath+"/"+pair[1-k].User, `{"role": "user"}`)
		})
		won := slices.IndexFunc(answers, func(a *testkit.Response) bool { return a.Status == 200 })
		if won < 0 || answers[1-won].Status != 403 {
			t.Fatalf("round %d: %v", round, races.CountByCode(answers))
		}
		pair[won].Patch(usersPath+"/"+pair[1-won].User, `{"role": "admin"}`).Want(200)
	}
}

func anotherToken(t *testing.T, s *testkit.Server, email string) string {
	t.Helper()
	return s.IDToken(t, issuerClaims(email))
}

func TestAFilterThatIsNoTextIsNoFailureOfOurs(t *testing.T) {
	t.Parallel()
	_, admin, _, _ := household(t)
	for _, bad := range []string{"%00", "a%00b", "%ff", "%C3", "%C0%80", "%ED%A0%80"} {
		admin.Get(usersPath+"?q="+bad).WantProblem(400, "invalid_parameter")
		admin.Get(eventsPath+"?action="+bad).WantProblem(400, "invalid_parameter")
	}
	admin.Get(usersPath + "?q=%EF%BF%BD%01%7F").Want(200)
}
