package postgres_test

import (
	"sync"
	"testing"

	"github.com/codegenapp/codegenapp/internal/postgres"
)

// unshared are stores whose reads do not share connections.
func unshared() map[string]func(*testing.T, *world) func(*postgres.Config) {
	all := map[string]func(*testing.T, *world) func(*postgres.Config){
		// The only one that works with any version, and is not known to be one.
		"behind a pooler that lends for long": func(t *testing.T, w *world) func(*postgres.Config) {
			t.Helper()
			url := pooler(t, w.Service, map[string]string{"pool_mode": "session", "default_pool_size": "8"}).URL
			return func(c *postgres.Config) { c.URL = url }
		},
	}
	for mode := range poolers {
		all["behind a pooler, in exec mode "+mode] = func(t *testing.T, w *world) func(*postgres.Config) {
			t.Helper()
			return behindPooler(t, w, mode)
		}
		if mode != "cache_statement" {
			all["in exec mode "+mode] = func(*testing.T, *world) func(*postgres.Config) {
				return func(c *postgres.Config) { c.ExecMode = mode }
			}
		}
	}
	return all
}

func TestReadsOfAStoreForPoolersDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	for name, through := range unshared() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := newStage(w).over(through(t, w), pooled(4))
			s.says("the first")() // shows that there is a pooler
			release := s.hold()
			within(t, soon, "reads beside one that goes on", func() {
				for name := range reads {
					if reads[name].before == nil {
						s.answers(name, "")()
					}
				}
			})
			if underWay, waiting := s.store.Shared(); underWay+waiting > 0 {
				t.Errorf("%d pipelines are under way, %d reads wait for one", underWay, waiting)
			}
			release()
			s.settled()
		})
	}
}

// oneMoment has a read of several queries come to a connection by carry, and changes
// meanwhile what it reads.
func (s *stage) oneMoment(carry func(read func())) {
	s.t.Helper()
	const title = "SELECT (SELECT title FROM projects WHERE deleted_at IS NULL LIMIT 1)"
	asleep := s.waitsIn("PgSleep")
	var heard []string
	var running sync.WaitGroup
	running.Go(func() {
		carry(func() {
			err := s.store.Ask(s.t.Context(), s.actor, func(text string) { heard = append(heard, text) }, title, "SELECT 'slept' || pg_sleep(1.5)::text", title)
			if err != nil {
				s.t.Error(err)
			}
		})
	})
	eventually(s.t, "the read is in its middle", asleep)
	must(s.t, connect(s.t, s.Super), "UPDATE projects SET title = 'changed'")
	running.Wait()
	if len(heard) != 3 || heard[0] == "changed" || heard[2] != heard[0] {
		s.t.Errorf("it saw %q", heard)
	}
	s.settled()
}

func TestAReadOfSeveralQueriesShowsOneMoment(t *testing.T) {
	t.Parallel()
	alone := func(read func()) { read() }
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		newStage(newWorld(t)).oneMoment(alone)
	})
	t.Run("carried by another", func(t *testing.T) {
		t.Parallel()
		s := newStage(newWorld(t))
		s.oneMoment(func(read func()) { s.together(s.says("one"), read, s.says("two")) })
	})
	for name, through := range unshared() {
		t.Run("the first "+name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			newStage(w).over(through(t, w), pooled(4)).oneMoment(alone)
		})
	}
}
