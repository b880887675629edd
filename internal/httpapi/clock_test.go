package httpapi_test

import (
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// setClockBack sets the database's clock back, as far as rows show it: each stored time
// is later by the interval.
func setClockBack(t *testing.T, s *testkit.Server, interval string) {
	t.Helper()
	conn := superuserConn(t, s)
	execOn(t, conn, "SET session_replication_role = replica") // triggers would raise versions
	for _, table := range []struct{ name, columns string }{
		{"sessions", "created_at, last_used_at, expires_at, ends_at, revoked_at"},
		{"users", "created_at, last_login_at, suspended_at"},
		{"projects", "created_at, updated_at, deleted_at"},
		{"specifications", "created_at, updated_at, deleted_at"},
		{"bullet_items", "created_at, updated_at"},
		{"idempotency_keys", "created_at"},
		{"used_id_tokens", "expires_at"},
		{"audit_events", "at"},
	} {
		execOn(t, conn, "UPDATE "+table.name+" SET "+columnsLater(table.columns), interval)
	}
}

func columnsLater(columns string) (set string) {
	for n, column := range strings.Split(columns, ", ") {
		if n > 0 {
			set += ", "
		}
		set += column + " = " + column + " + $1::text::interval"
	}
	return set
}

// After a failover the clock may be behind that of the former primary. Everything works
// as before, and no session ends for it.
func TestClock_SetBack(t *testing.T) {
	t.Parallel()
	for _, interval := range []string{"1 second", "8 seconds", "1 hour"} {
		t.Run("by "+interval, func(t *testing.T) {
			t.Parallel()
			s, admin, _, ann := newAdminFixture(t)
			key := []string{"Idempotency-Key", "before-the-step"}
			body := map[string]any{"title": "Kept"}
			project := ann.Post(projectsPath, body, key...).Want(201).JSON()["id"].(string)
			gone := ann.Post(projectsPath, map[string]any{"title": "Gone"}).Want(201).JSON()["id"].(string)
			ann.Delete(projectsPath + "/" + gone).Want(204)
			setClockBack(t, s, interval)

			next := withTokensOf(ann, refresh(t, s, ann.RefreshToken).Want(200))
			// A second tab has the same token. Its grace begins with the rotation.
			if again := withTokensOf(ann, refresh(t, s, ann.RefreshToken).Want(200)); again.RefreshToken != next.RefreshToken {
				t.Error("the predecessor got another successor")
			}
			next.Get("/api/v1/users/me").Want(200)
			next.Get(sessionsPath).Want(200)
			next.Patch("/api/v1/users/me", `{"name": "Ann"}`).Want(200)
			if answer := next.Post(projectsPath, body, key...).Want(201); answer.Header.Get("Idempotency-Replayed") != "true" {
				t.Error("the idempotency key is forgotten")
			}
			next.Patch(projectsPath+"/"+project, `{"title": "Changed"}`).Want(200)
			next.Post(projectsPath+"/"+gone+"/restore", nil).Want(200)
			admin.Patch(usersPath+"/"+ann.User, `{"suspended": true}`).Want(200)
			next.Get("/api/v1/users/me").WantProblem(401, "token_revoked")
			admin.Patch(usersPath+"/"+ann.User, `{"suspended": false}`).Want(200)
			back := newSession(t, s, "ann@example.com")
			back.Post(logoutPath, `{"all_sessions": true}`).Want(204)
			admin.Get("/api/v1/admin/audit-events").Want(200)
			store := openStore(t, s)
			if _, err := store.DeleteExpired(t.Context()); err != nil {
				t.Error(err)
			}
			newSession(t, s, "ann@example.com").Delete("/api/v1/users/me").Want(204)
		})
	}
}

// The grace of the predecessor is as long as it is set, also if the clock is set back by
// more between the rotation and the second use.
func TestClock_SetBackDoesNotExtendTheGrace(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for interval, want := range map[string]int{"5 seconds": 200, "1 hour": 401} {
		ann := s.SignUp(t)
		refresh(t, s, ann.RefreshToken).Want(200)
		execSQL(t, s, "UPDATE sessions SET last_used_at = last_used_at + $2::text::interval WHERE id = $1", ann.Session, interval)
		answer := refresh(t, s, ann.RefreshToken).Want(want)
		if want == 401 {
			answer.WantProblem(401, "refresh_token_reused")
		}
	}
}
