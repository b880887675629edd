package httpapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func freshClaims(email string) issuer.Claims {
	return issuer.Claims{Email: email, Extra: map[string]any{"jti": fmt.Sprint("again-", signInCount.Add(1))}}
}

// performAuditedActions performs every action that the audit log records. It
// returns the expected events in order: actor, action and details.
func performAuditedActions(t *testing.T, s *testkit.Server, admin, ann *testkit.Client) []string {
	t.Helper()
	anybody := s.Anonymous(t)
	var want []string
	record := func(whose *testkit.Client, action, resource, id, details string) {
		actor := "no actor"
		if whose != nil {
			actor = whose.User
		}
		want = append(want, fmt.Sprint(actor, " ", action, " ", resource, " ", id, " ", details))
	}
	anybody.Post(loginPath, `{"id_token": "x"}`).WantProblem(401, "google_token_invalid")
	record(nil, "session.refused", "session", "-", "map[code:google_token_invalid]")
	ann.Get(usersPath).WantProblem(403, "permission_denied")
	record(ann, "permission.denied", "permission", "-", "map[permission:read users]")
	ann.Patch(usersPath+"/not-an-id", `{`).WantProblem(403, "permission_denied")
	record(ann, "permission.denied", "permission", "-", "map[permission:change users]")
	phone := newSession(t, s, "ann@example.com")
	record(ann, "session.created", "session", phone.Session, "map[]")
	ann.Delete("/api/v1/auth/sessions/" + phone.Session).Want(204)
	record(ann, "session.revoked", "session", phone.Session, "map[]")
	ann.Delete("/api/v1/auth/sessions/"+phone.Session).WantProblem(404, "session_not_found")
	phone = newSession(t, s, "ann@example.com")
	record(ann, "session.created", "session", phone.Session, "map[]")
	phone.Post("/api/v1/auth/logout", `{}`).Want(204)
	record(ann, "session.ended", "session", phone.Session, "map[]")
	phone.Post("/api/v1/auth/logout", `{}`).Want(204) // the second logout is not recorded
	admin.Patch(usersPath+"/"+ann.User, `{"role": "auditor"}`).Want(200)
	record(admin, "user.role_changed", "user", ann.User, "map[from:user to:auditor]")
	admin.Patch(usersPath+"/"+ann.User, `{"role": "auditor", "suspended": false}`).Want(200) // changes nothing
	phone = newSession(t, s, "ann@example.com")
	record(ann, "session.created", "session", phone.Session, "map[]")
	reuseRefreshToken(t, s, phone)
	record(ann, "session.token_reused", "session", phone.Session, "map[]")
	ann.Get(mePath + "/export").Want(200)
	record(ann, "user.exported", "user", ann.User, "map[]")
	admin.Patch(usersPath+"/"+ann.User, `{"suspended": true}`).Want(200)
	record(admin, "user.suspended", "user", ann.User, "map[]")
	anybody.Post(loginPath, map[string]any{"id_token": freshIDToken(t, s, "ann@example.com")}).WantProblem(403, "account_suspended")
	record(nil, "session.refused", "session", "-", "map[code:account_suspended]")
	admin.Patch(usersPath+"/"+ann.User, `{"suspended": false}`).Want(200)
	record(admin, "user.reinstated", "user", ann.User, "map[]")
	back := newSession(t, s, "ann@example.com")
	record(ann, "session.created", "session", back.Session, "map[]")
	back.Delete(mePath).Want(204)
	record(ann, "user.deleted", "user", ann.User, "map[]")
	return want
}

// newSession signs a user in again and returns the tokens of the session.
func newSession(t *testing.T, s *testkit.Server, email string) *testkit.Client {
	t.Helper()
	c := s.Anonymous(t)
	answer := c.Post(loginPath, map[string]any{"id_token": freshIDToken(t, s, email)}).Want(200).JSON()
	c.Token, c.RefreshToken, c.Session = answer["access_token"].(string), answer["refresh_token"].(string), answer["session_id"].(string)
	return c
}

// reuseRefreshToken refreshes twice, then uses the first refresh token again.
func reuseRefreshToken(t *testing.T, s *testkit.Server, c *testkit.Client) {
	t.Helper()
	first := c.RefreshToken
	for range 2 {
		answer := s.Anonymous(t).Post("/api/v1/auth/refresh", map[string]any{"refresh_token": c.RefreshToken}).Want(200).JSON()
		c.RefreshToken = answer["refresh_token"].(string)
	}
	s.Anonymous(t).Post("/api/v1/auth/refresh", map[string]any{"refresh_token": first}).WantProblem(401, "refresh_token_reused")
}

func formatEvent(e auditEvent) string {
	actor, resource := "no actor", "-"
	if e.ActorID != nil {
		actor = *e.ActorID
	}
	if e.ResourceID != nil {
		resource = *e.ResourceID
	}
	return fmt.Sprint(actor, " ", e.Action, " ", e.ResourceType, " ", resource, " ", e.Details)
}

func TestAudit_RecordsEachSecurityEventOnce(t *testing.T) {
	t.Parallel()
	s, admin, auditor, ann := newAdminFixture(t)
	before := len(listAuditEvents(admin))
	want := performAuditedActions(t, s, admin, ann)
	events := listAuditEvents(auditor)
	slices.Reverse(events)
	got := []string{}
	for _, e := range events[before:] {
		got = append(got, formatEvent(e))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestAudit_EventHasOriginOfRequest(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withAdmin)
	s.Anonymous(t).Post(loginPath, `{"id_token": "x"}`, "User-Agent", "agent/1", "X-Request-Id", "the-request").WantProblem(401, "google_token_invalid")
	admin := s.SignIn(t, adminEmail)
	e := listAuditEvents(admin, "action", "session.refused")[0]
	if e.IP != "127.0.0.1" || e.UserAgent != "agent/1" || e.RequestID != "the-request" || time.Since(e.At).Abs() > time.Minute {
		t.Errorf("event %+v", e)
	}
}

func TestAudit_FiltersAndPages(t *testing.T) {
	t.Parallel()
	_, admin, auditor, ann := newAdminFixture(t)
	for range 4 {
		ann.Get(usersPath).WantProblem(403, "permission_denied")
		auditor.Patch(usersPath+"/"+ann.User, `{}`).WantProblem(403, "permission_denied")
	}
	all := listAuditEvents(admin)
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
			if diff := cmp.Diff(want, listAuditEvents(admin.WithT(t), tc.filters...)); diff != "" {
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

// Any client can cause refusals, from any number of addresses.
func TestAudit_RefusedSignInsAreBounded(t *testing.T) {
	t.Parallel()
	s, _, _, _ := newAdminFixture(t)
	const refusals, stored = 3000, 1000
	anybody := s.Anonymous(t)
	began := time.Now()
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range refusals / 4 {
				anybody.Post(loginPath, `{"id_token": "x"}`).WantProblem(401, "google_token_invalid")
			}
		})
	}
	clients.Wait()
	rows := queryInt(t, s, "SELECT count(*) FROM audit_events WHERE actor_id IS NULL")
	if most := stored + int(time.Since(began)/time.Second) + 1; rows < stored || rows > most {
		t.Errorf("%d refusals made %d rows, want %d to %d", refusals, rows, stored, most)
	}
	metrics := string(s.Anonymous(t).Get("/metrics").Want(200).Body)
	if want := fmt.Sprintf("audit_events_suppressed_total %d", refusals-rows); !strings.Contains(metrics, want) {
		t.Errorf("the metrics do not say %s", want)
	}
	// Events of users are not affected.
	ann := s.SignUp(t)
	if n := queryInt(t, s, "SELECT count(*) FROM audit_events WHERE action = 'session.created' AND actor_id = $1", ann.User); n != 1 {
		t.Errorf("%d events of a sign-in", n)
	}
}

func TestAudit_SessionPastTheLimitIsRecorded(t *testing.T) {
	t.Parallel()
	s, admin, _, _ := newAdminFixture(t)
	oldest := newSession(t, s, "many@example.com")
	for range 19 {
		newSession(t, s, "many@example.com")
	}
	ended := "session.revoked"
	if n := queryInt(t, s, "SELECT count(*) FROM audit_events WHERE action = $1", ended); n != 0 {
		t.Errorf("%d of 20 sessions have ended", n)
	}
	newest := newSession(t, s, "many@example.com")
	oldest.Get(mePath).WantProblem(401, "token_revoked")
	events := listAuditEvents(admin)
	n := slices.IndexFunc(events, func(e auditEvent) bool { return e.Action == ended })
	if n < 0 {
		t.Fatal("there is no event of the session that ended")
	}
	if got, want := formatEvent(events[n]), fmt.Sprint(*events[n].ActorID, " session.revoked session ", oldest.Session, " map[by:session_limit]"); got != want {
		t.Errorf("the event is %s, want %s", got, want)
	}
	if id := queryOne[string](t, superuserConn(t, s), "SELECT user_id::text FROM sessions WHERE id = $1", newest.Session); id != *events[n].ActorID {
		t.Errorf("the actor is %s, want %s", *events[n].ActorID, id)
	}
}
