package postgres_test

import "testing"

// A connection knows statements for as long as it lives; what they were prepared for
// may change meanwhile.
func TestAReadSurvivesThatItsStatementIsOutdated(t *testing.T) {
	t.Parallel()
	s := newStage(newWorld(t))
	super := connect(t, s.Super)
	read := func(when string) {
		t.Helper()
		if _, err := s.outline.Project(t.Context(), s.actor, s.live); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	defer must(t, super, "ALTER TABLE projects ALTER COLUMN description TYPE text")
	read("at first")
	must(t, super, "ALTER TABLE projects ALTER COLUMN description TYPE varchar")
	read("when a column has another type")
	read("on another connection")
	for _, conn := range s.store.Pool().AcquireAllIdle(t.Context()) {
		if err := conn.Conn().PgConn().Exec(t.Context(), "DEALLOCATE ALL").Close(); err != nil {
			t.Error(err)
		}
		conn.Release()
	}
	read("when the connection has forgotten it")
}
