package httpapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func issuerClaims(email string) issuer.Claims {
	return issuer.Claims{Email: email, Extra: map[string]any{"jti": fmt.Sprint("again-", signIns.Add(1))}}
}

// deeds are what the audit has to tell of, in the order in which they are done
// here: by whom, and how the event names it.
func deeds(t *testing.T, s *testkit.Server, admin, ann *testkit.Client) []string {
	t.Helper()
	anybody := s.Anonymous(t)
	var want []string
	tells := func(whose *testkit.Client, action, resource, id, details string) {
		actor := "nobody"
		if whose != nil {
			actor = whose.User
		}
		want = append(want, fmt.Sprint(actor, " ", action, " ", resource, " ", id, " ", details))
	}
	anybody.Post(loginPath, `{"id_token": "x"}`).WantProblem(401, "google_token_invalid")
	tells(nil, "session.refused", "session", "-", "map[code:google_token_invalid]")
	ann.Get(usersPath).WantProblem(403, "permission_denied")
	tells(ann, "permission.denied", "permission", "-", "map[permission:read users]")
	ann.Patch(usersPath+"/not-an-id", `{`).WantProblem(403, "permission_denied")
	tells(ann, "permission.denied", "permission", "-", "map[permission:change users]")
	phone := signInWhole(t, s, "ann@example.com")
	tells(ann, "session.created", "session", phone.Session, "map[]")
	ann.Delete("/api/v1/auth/sessions/" + phone.Session).Want(204)
	tells(ann, "session.revoked", "session", phone.Session, "map[]")
	ann.Delete("/api/v1/auth/sessions/"+phone.Session).WantProblem(404, "session_not_found")
	phone = signInWhole(t, s, "ann@example.com")
	tells(ann, "session.created", "session", phone.Session, "map[]")
	phone.Post("/api/v1/auth/logout", `{}`).Want(204)
	tells(ann, "session.ended", "session", phone.Session, "map[]")
	phone.Post("/api/v1/auth/logout", `{}`).Want(204) // twice is told once
	admin.Patch(usersPath+"/"+ann.User, `{"role": "auditor"}`).Want(200)
	tells(admin, "user.role_changed", "user", ann.User, "map[from:user to:auditor]")
	admin.Patch(usersPath+"/"+ann.User, `{"role": "auditor", "suspended": false}`).Want(200) // which changes nothing
	phone = signInWhole(t, s, "ann@example.com")
	tells(ann, "session.created", "session", phone.Session, "map[]")
	refreshTwice(t, s, phone)
	tells(ann, "session.token_reused", "session", phone.Session, "map[]")
	ann.Get(mePath + "/export").Want(200)
	tells(ann, "user.exported", "user", ann.User, "map[]")
	admin.Patch(usersPath+"/"+ann.User, `{"suspended": true}`).Want(200)
	tells(admin, "user.suspended", "user", ann.User, "map[]")
	anybody.Post(loginPath, map[string]any{"id_token": anotherToken(t, s, "ann@example.com")}).WantProblem(403, "account_suspended")
	tells(nil, "session.refused", "session", "-", "map[code:account_suspended]")
	admin.Patch(usersPath+"/"+ann.User, `{"suspended": false}`).Want(200)
	tells(admin, "user.reinstated", "user", ann.User, "map[]")
	back := signInWhole(t, s, "ann@example.com")
	tells(ann, "session.created", "session", back.Session, "map[]")
	back.Delete(mePath).Want(204)
	tells(ann, "user.deleted", "user", ann.User, "map[]")
	return want
}

// signInWhole signs somebody in again, with all that belongs to a session.
func signInWhole(t *testing.T, s *testkit.Server, email string) *testkit.Client {
	t.Helper()
	c := s.Anonymous(t)
	answer := c.Post(loginPath, map[string]any{"id_token": anotherToken(t, s, email)}).Want(200).JSON()
	c.Token, c.RefreshToken, c.Session = answer["access_token"].(string), answer["refresh_token"].(string), answer["session_id"].(string)
	return c
}

// refreshTwice uses the refresh token of a session and that before it again.
func refreshTwice(t *testing.T, s *testkit.Server, c *testkit.Client) {
	t.Helper()
	first := c.RefreshToken
	for range 2 {
		answer := s.Anonymous(t).Post("/api/v1/auth/refresh", map[string]any{"refresh_token": c.RefreshToken}).Want(200).JSON()
		c.RefreshToken = answer["refresh_token"].(string)
	}
	s.Anonymous(t).Post("/api/v1/auth/refresh", map[string]any{"refresh_token": first}).WantProblem(401, "refresh_token_reused")
}

func retold(e auditEvent) string {
	actor, resource := "nobody", "-"
	if e.ActorID != nil {
		actor = *e.ActorID
	}
	if e.ResourceID != nil {
		resource = *e.ResourceID
	}
	return fmt.Sprint(actor, " ", e.Action, " ", e.ResourceType, " ", resource, " ", e.Details)
}

func TestTheAuditTellsEverythingThatMattersOnce(t *testing.T) {
	t.Parallel()
	s, admin, auditor, ann := household(t)
	before := len(eventsOf(admin))
	want := deeds(t, s, admin, ann)
	events := eventsOf(auditor)
	slices.Reverse(events)
	got := []string{}
	for _, e := range events[before:] {
		got = append(got, retold(e))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestAnEventSaysFromWhere(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withAdmin)
	s.Anonymous(t).Post(loginPath, `{"id_token": "x"}`, "User-Agent", "agent/1", "X-Request-Id", "the-request").WantProblem(401, "google_token_invalid")
	admin := s.SignIn(t, adminEmail)
	e := eventsOf(admin, "action", "session.refused")[0]
	if e.IP != "127.0.0.1" || e.UserAgent != "agent/1" || e.RequestID != "the-request" || time.Since(e.At).Abs() > time.Minute {
		t.Errorf("event %+v", e)
	}
}

func TestTheAuditIsFilteredAndPaged(t *testing.T) {
	t.Parallel()
	_, admin, auditor, ann := household(t)
	for range 4 {
		ann.Get(usersPath).WantProblem(403, "permission_denied")
		auditor.Patch(usersPath+"/"+ann.User, `{}`).WantProblem(403, "permission_denied")
	}
	all := eventsOf(admin)
	middle := all[4].At
	for name, tc := range map[string]struct {
		filters []string
		keep    func(auditEvent) bool
	}{
		"of an actor":           {[]string{"actor_id", ann.User}, func(e auditEvent) bool { return e.ActorID != nil && *e.ActorID == ann.User }},
		"of a kind":             {[]string{"action", "permission.denied"}, func(e auditEvent) bool { return e.Action == "permission.denied" }},
		"of a kind never heard": {[]string{"action", "x.y"}, func(auditEvent) bool { return false }},
		"since":                 {[]string{"since", middle.Format(time.RFC3339Nano)}, func(e auditEvent) bool { return !e.At.Before(middle) }},
		"until":                 {[]string{"until", middle.Format(time.RFC3339Nano)}, func(e auditEvent) bool { return e.At.Before(middle) }},
		"of a kind and an actor until": {
			[]string{"action", "permission.denied", "actor_id", auditor.User, "until", middle.Format(time.RFC3339Nano)},
			func(e auditEvent) bool {
				return e.Action == "permission.denied" && *e.ActorID == auditor.User && e.At.Before(middle)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want []auditEvent
			for _, e := range all {
				if tc.keep(e) {
					want = append(want, e)
				}
			}
			if diff := cmp.Diff(want, eventsOf(admin.WithT(t), tc.filters...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, bad := range []string{"actor_id=x", "since=yesterday", "until=2026-13-01T00:00:00Z", "actor=" + ann.User, "page_size=0", "actor_id=", "since=2026-01-01"} {
		name, _, _ := strings.Cut(bad, "=")
		if p := admin.Get(eventsPath+"?"+bad).WantProblem(400, "invalid_parameter"); !strings.Contains(p.Detail, name) {
			t.Errorf("%s: %s", bad, p.Detail)
		}
	}
	var page eventsPage
	admin.Get(eventsPath + "?page_size=1&action=permission.denied").Want(200).Decode(&page)
	for _, other := range []string{"", "&action=session.created", "&action=permission.denied&actor_id=" + ann.User} {
		admin.Get(eventsPath+"?page_token="+url.QueryEscape(page.NextPageToken)+other).WantProblem(400, "invalid_page_token")
	}
}
