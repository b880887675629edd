package postgres_test

import (
	"sync"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// deaf hears nothing.
func deaf(string) {}

// hold takes the store's only pipeline, until release is called.
func (s *stage) hold() (release func()) {
	s.t.Helper()
	began, released, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.store.Ask(s.t.Context(), s.actor, func(string) { close(began); <-released }, "SELECT 'held'")
	}()
	within(s.t, soon, "taking the pipeline", func() { <-began })
	return sync.OnceFunc(func() {
		close(released)
		if err := <-ended; err != nil {
			s.t.Errorf("whoever held the pipeline: %v", err)
		}
	})
}

// queue lets reads wait for a pipeline that is held, in this order, and returns
// what waits for their ends.
func (s *stage) queue(reads ...func()) (wait func()) {
	s.t.Helper()
	var running sync.WaitGroup
	for _, read := range reads {
		_, before := s.store.Shared()
		running.Go(read)
		eventually(s.t, "a read waits", func() bool { _, waiting := s.store.Shared(); return waiting > before })
	}
	return func() { s.t.Helper(); within(s.t, soon, "the reads", running.Wait) }
}

// together sends reads in pipelines that hold as many of them as may be.
func (s *stage) together(reads ...func()) {
	s.t.Helper()
	release := s.hold()
	wait := s.queue(reads...)
	release()
	wait()
	s.settled()
}

// settled fails the test unless soon nothing is under way and everything is free.
func (s *stage) settled() {
	s.t.Helper()
	eventually(s.t, "no pipeline is under way, and nobody waits", func() bool {
		underWay, waiting := s.store.Shared()
		return underWay == 0 && waiting == 0
	})
	eventually(s.t, "no connection is lent", func() bool { return s.store.PoolStats().Active == 0 })
}

// says asks for a text.
func (s *stage) says(text string) func() {
	return func() {
		var heard string
		err := s.store.Ask(s.t.Context(), s.actor, func(text string) { heard = text }, "SELECT '"+text+"'")
		if err != nil || heard != text {
			s.t.Errorf("asked for %q: %q, %v", text, heard, err)
		}
	}
}

// answers wants a read of the stage to answer so.
func (s *stage) answers(name string, code problem.Code) func() {
	return func() { wantCode(s.t, name, reads[name].do(s.t.Context(), s), code) }
}

// waitsIn is true once a statement of the test's database waits for that.
func (s *stage) waitsIn(event string) func() bool {
	super := connect(s.t, s.Super)
	return func() bool {
		return value[int](s.t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = $1", event) > 0
	}
}
