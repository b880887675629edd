package httpapi_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func listInvitations(c *testkit.Client, p project) []invitation {
	var page struct{ Invitations []invitation }
	c.Get(p.path() + "/invitations").Want(200).Decode(&page)
	return page.Invitations
}

var secretForm = regexp.MustCompile(`^cgi_[0-9A-Za-z]{39}$`)

func TestInvitations_SecretIsShownOnce(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	s := testkit.StartLogging(t, log)
	ann, ben := s.SignUp(t), s.SignUp(t)
	p := newProject(ann, "Invoices")
	answer := ann.Post(p.path()+"/invitations", `{"role": "editor", "email": " Ben@Example.COM "}`).Want(201)
	var made invitation
	answer.Decode(&made)
	if !secretForm.MatchString(made.Secret) || made.URL != s.URL+"/invitations/accept#"+made.Secret || *made.Email != "ben@example.com" || made.Role != "editor" {
		t.Errorf("created %+v", made)
	}
	if got := answer.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %s", got)
	}
	begin, _ := time.Parse(time.RFC3339Nano, made.CreatedAt)
	if end, _ := time.Parse(time.RFC3339Nano, made.ExpiresAt); end.Sub(begin) != 7*24*time.Hour {
		t.Errorf("it is good for %v", end.Sub(begin))
	}
	second := invite(ann, p, "viewer")
	want := []invitation{second, made}
	for n := range want {
		want[n].Secret, want[n].URL = "", ""
	}
	if diff := cmp.Diff(want, listInvitations(ann, p)); diff != "" {
		t.Errorf("open invitations, the newest first (-want +got):\n%s", diff)
	}
	if left := countRowsMentioning(t, s, made.Secret); len(left) > 0 {
		t.Errorf("the secret is in %v", left)
	}
	accept(ben, second.Secret).Want(200)
	accept(ben, second.Secret).WantProblem(409, "already_member")
	accept(s.SignUp(t), second.Secret).WantProblem(410, "invitation_expired")
	metrics := string(s.Anonymous(t).Get("/metrics").Want(200).Body)
	s.Stop()
	for _, secret := range []string{made.Secret, second.Secret} {
		if strings.Contains(log.String(), secret) || strings.Contains(metrics, secret) {
			t.Errorf("the log or the metrics have %s", secret)
		}
	}
}

func TestInvitations_URLIsThatOfPublicURL(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, func(c *server.Settings) { c.PublicURL = "https://app.example.com/reqs" })
	ann := s.SignUp(t)
	made := invite(ann, newProject(ann, "x"), "viewer")
	if want := "https://app.example.com/reqs/invitations/accept#" + made.Secret; made.URL != want {
		t.Errorf("url = %s, want %s", made.URL, want)
	}
}

func TestInvitations_EachFailureHasItsProblem(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, ben, carl := s.SignUp(t), s.SignIn(t, "ben@example.com"), s.SignIn(t, "Carl@Example.com")
	p := newProject(ann, "Invoices")
	wantDetail := func(a *testkit.Response, status int, code, words string) {
		t.Helper()
		if detail := a.WantProblem(status, code).Detail; !strings.Contains(detail, words) || strings.Contains(detail, "@") {
			t.Errorf("detail: %s, want %s", detail, words)
		}
	}
	expired, withdrawn, used := invite(ann, p, "viewer"), invite(ann, p, "viewer"), invite(ann, p, "viewer")
	forBen, forCarl, trashed := invite(ann, p, "viewer", "BEN@example.com"), invite(ann, p, "viewer", "carl@example.com"), invite(ann, p, "viewer")
	execSQL(t, s, "UPDATE invitations SET expires_at = now() WHERE id = $1", expired.ID)
	ann.Delete(p.path() + "/invitations/" + withdrawn.ID).Want(204)
	dan := s.SignUp(t)
	accept(dan, used.Secret).Want(200)

	for name, secret := range map[string]string{
		"another secret": "cgi_" + strings.Repeat("x", 39), "any text": "x", "NUL": "\x00", "not the whole": used.Secret[:42], "in upper case": strings.ToUpper(used.Secret),
	} {
		if a := accept(ben, secret); a.Status != 404 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	wantDetail(accept(ben, expired.Secret), 410, "invitation_expired", "expired")
	wantDetail(accept(ben, withdrawn.Secret), 410, "invitation_expired", "withdrawn")
	wantDetail(accept(ben, used.Secret), 410, "invitation_expired", "used")
	wantDetail(accept(ben, forCarl.Secret), 403, "invitation_for_another", "another")
	wantDetail(accept(dan, expired.Secret), 409, "already_member", "access")
	wantDetail(accept(ann, forBen.Secret), 409, "already_member", "access")
	accept(s.Anonymous(t), forBen.Secret).WantProblem(401, "token_missing")
	accept(carl, forCarl.Secret).Want(200) // the address in other letters
	accept(ben, forBen.Secret).Want(200)

	ann.Delete(p.path()).Want(204)
	eve := s.SignUp(t)
	wantDetail(accept(eve, trashed.Secret), 404, "invitation_not_found", "")
	ann.Post(p.path()+"/restore", nil).Want(200)
	accept(eve, trashed.Secret).Want(200)
	if got := len(listMembers(ann, p)); got != 5 {
		t.Errorf("the project has %d members with its owner, want 5", got)
	}
	if got := listInvitations(ann, p); len(got) != 0 {
		t.Errorf("open invitations: %v", got)
	}
	for name, id := range map[string]string{"used": used.ID, "withdrawn": withdrawn.ID, "expired": expired.ID, "no id": "x", "another": ann.User} {
		if a := ann.Delete(p.path() + "/invitations/" + id); a.Status != 404 || !strings.Contains(string(a.Body), `"invitation_not_found"`) {
			t.Errorf("withdrawing %s: %d %s", name, a.Status, a.Body)
		}
	}
}

func TestInvitations_RejectedInput(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	p := newProject(ann, "Invoices")
	for body, want := range map[string]string{
		`{}`:                                                                "/role required",
		`{"role": "owner"}`:                                                 "/role not_allowed",
		`{"role": "EDITOR"}`:                                                "/role not_allowed",
		`{"role": "viewer", "email": ""}`:                                   "/email blank",
		`{"role": "viewer", "email": "ben"}`:                                "/email wrong_format",
		`{"role": "viewer", "email": "@ben"}`:                               "/email wrong_format",
		`{"role": "viewer", "email": "ben@"}`:                               "/email wrong_format",
		`{"role": "viewer", "email": "a@b@c"}`:                              "/email wrong_format",
		`{"role": "viewer", "email": "a b@c"}`:                              "/email wrong_format",
		`{"role": "viewer", "email": "a@b\u0000"}`:                          "/email wrong_format",
		`{"role": "viewer", "email": 7}`:                                    "/email wrong_type",
		`{"role": "viewer", "secret": "x"}`:                                 "/secret unknown_field",
		`{"role": "viewer", "email": "a@` + strings.Repeat("b", 253) + `"}`: "/email too_long",
	} {
		got := ann.Post(p.path()+"/invitations", body).WantProblem(422, "validation_failed").FieldErrors()
		field, _, _ := strings.Cut(want, " ")
		if len(got) == 0 || !strings.HasPrefix(got[0], field) || field != "/secret" && got[0] != want {
			t.Errorf("%.60s: field errors %v, want %s", body, got, want)
		}
	}
	ann.Post(p.path()+"/invitations", `{"role": "viewer", "email": null}`).Want(201)
	ann.Post(acceptPath, `{}`).WantProblem(422, "validation_failed")
	ann.Post(acceptPath, `{"secret": null}`).WantProblem(422, "validation_failed")
}

// One secret makes one member, however often and by however many users it is sent.
func TestInvitations_ConcurrentAcceptancesMakeOneMember(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	replica := s.Replica(t)
	ann := s.SignUp(t).WithRetry()
	users := []*testkit.Client{s.SignUp(t).WithRetry(), s.SignUp(t).WithRetry(), s.SignUp(t).WithRetry()}
	for range testkit.Repetitions(5, 50) {
		p := newProject(ann, "Invoices")
		secret := invite(ann, p, "editor").Secret
		var mu sync.Mutex
		statuses := map[int]int{}
		var all sync.WaitGroup
		for n := range 9 {
			all.Go(func() {
				c := users[n%3]
				if n%2 == 0 {
					c = c.At(replica)
				}
				status := accept(c, secret).Status
				mu.Lock()
				defer mu.Unlock()
				statuses[status]++
			})
		}
		all.Wait()
		if want := map[int]int{200: 1, 409: 2, 410: 6}; !cmp.Equal(want, statuses) {
			t.Errorf("statuses %v, want %v", statuses, want)
		}
		if got := len(listMembers(ann, p)); got != 2 {
			t.Errorf("the project has %d members with its owner, want 2", got)
		}
	}
}

func TestMembers_LimitsAreExactUnderConcurrency(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t, func(c *server.Settings) { c.MaxMembers = 3 })
	ann, ben := s.SignUp(t).WithRetry(), s.SignUp(t).WithRetry()
	p := newProject(ann, "Invoices")
	counts := func(n int, send func(n int) *testkit.Response) map[string]int {
		var mu sync.Mutex
		got := map[string]int{}
		var all sync.WaitGroup
		for k := range n {
			all.Go(func() {
				a := send(k)
				code := fmt.Sprint(a.Status)
				if a.Status >= 400 {
					code, _ = a.JSON()["code"].(string)
				}
				mu.Lock()
				defer mu.Unlock()
				got[code]++
			})
		}
		all.Wait()
		return got
	}
	users, secrets := make([]*testkit.Client, 8), make([]string, 8)
	for n := range users {
		users[n], secrets[n] = s.SignUp(t).WithRetry(), invite(ann, p, "viewer").Secret
	}
	got := counts(8, func(n int) *testkit.Response { return accept(users[n], secrets[n]) })
	if want := map[string]int{"200": 3, "member_limit_reached": 5}; !cmp.Equal(want, got) {
		t.Errorf("acceptances: %v, want %v", got, want)
	}
	// Invitations: 5 are open.
	got = counts(50, func(int) *testkit.Response { return ann.Post(p.path()+"/invitations", `{"role": "viewer"}`) })
	if want := map[string]int{"201": 45, "invitation_limit_reached": 5}; !cmp.Equal(want, got) {
		t.Errorf("invitations: %v, want %v", got, want)
	}
	// Memberships: ben has 998.
	owner := s.SignUp(t).WithRetry()
	execSQL(t, s, `
WITH made AS (
    INSERT INTO projects (id, owner_id, title, created_at, updated_at) SELECT gen_random_uuid(), $1::uuid, 'x', now(), now() FROM generate_series(1, 998) RETURNING id)
INSERT INTO project_members (owner_id, project_id, user_id, role, created_at) SELECT $1::uuid, id, $2::uuid, 'viewer', now() FROM made`, owner.User, ben.User)
	for n := range 5 {
		secrets[n] = invite(owner, newProject(owner, "x"), "viewer").Secret
	}
	got = counts(5, func(n int) *testkit.Response { return accept(ben, secrets[n]) })
	if want := map[string]int{"200": 2, "membership_limit_reached": 3}; !cmp.Equal(want, got) {
		t.Errorf("memberships: %v, want %v", got, want)
	}
}

// The response to an invitation is the same for every address but for random values, and
// so are its statements: no query of it reads another user.
func TestInvitations_ResponseDoesNotTellWhetherAddressHasAccount(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	s.SignIn(t, "known@example.com")
	p := newProject(ann, "Invoices")
	random := regexp.MustCompile(`[0-9a-f-]{36}|cgi_\w+|\d{4}-\d\d-\d\dT[0-9:.]+Z|(un)?known@`)
	var texts []string
	for _, email := range []string{"known@example.com", "unknown@example.com"} {
		a := ann.Post(p.path()+"/invitations", map[string]any{"role": "viewer", "email": email}).Want(201)
		for _, name := range []string{"Date", "X-Request-Id", "Content-Length", "X-Ratelimit-Reset", "X-Ratelimit-Remaining", "Ratelimit"} {
			a.Header.Del(name)
		}
		texts = append(texts, random.ReplaceAllString(fmt.Sprint(a.Header, string(a.Body)), "*"))
	}
	if diff := cmp.Diff(texts[0], texts[1]); diff != "" {
		t.Errorf("(-known +unknown):\n%s", diff)
	}
}

func TestAudit_MembersAndInvitationsAreRecorded(t *testing.T) {
	t.Parallel()
	s, admin, ann, _ := newAdminFixture(t)
	ben, carl := s.SignUp(t), s.SignUp(t)
	p := newProject(ann, "Invoices")
	before := len(listAuditEvents(admin))
	first, second, third := invite(ann, p, "viewer", "ben@example.com"), invite(ann, p, "viewer"), invite(ann, p, "editor")
	ann.Delete(p.path() + "/invitations/" + first.ID).Want(204)
	accept(ben, second.Secret).Want(200)
	accept(carl, third.Secret).Want(200)
	accept(ben, third.Secret).WantProblem(409, "already_member") // nothing happened
	ann.Patch(p.path()+"/members/"+ben.User, `{"role": "editor"}`).Want(200)
	ann.Patch(p.path()+"/members/"+ben.User, `{"role": "editor"}`).Want(200) // changes nothing
	ben.Delete(p.path() + "/members/" + ben.User).Want(204)
	ann.Delete(p.path() + "/members/" + carl.User).Want(204)
	of := func(by *testkit.Client, action string, details ...string) string {
		slices.Sort(details)
		return fmt.Sprint(by.User, " ", action, " project ", p.ID, " map[", strings.Join(details, " "), "]")
	}
	owner := "owner_id:" + ann.User
	want := []string{
		of(ann, "invitation.created", owner, "invitation_id:"+first.ID, "role:viewer"),
		of(ann, "invitation.created", owner, "invitation_id:"+second.ID, "role:viewer"),
		of(ann, "invitation.created", owner, "invitation_id:"+third.ID, "role:editor"),
		of(ann, "invitation.withdrawn", owner, "invitation_id:"+first.ID),
		of(ben, "invitation.accepted", owner, "invitation_id:"+second.ID, "role:viewer"),
		of(carl, "invitation.accepted", owner, "invitation_id:"+third.ID, "role:editor"),
		of(ann, "member.role_changed", owner, "user_id:"+ben.User, "from:viewer", "to:editor"),
		of(ben, "member.left", owner, "user_id:"+ben.User),
		of(ann, "member.removed", owner, "user_id:"+carl.User, "role:editor"),
	}
	events := listAuditEvents(admin)
	var got []string
	for _, e := range slices.Backward(events[:len(events)-before]) {
		got = append(got, formatEvent(e))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
