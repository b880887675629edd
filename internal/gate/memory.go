package gate

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

const (
	// mostBytes is how much a shard remembers: together 8 MiB.
	mostBytes = 128 << 10
	// What things take beside their texts, about: a user, the first answer to one,
	// any answer, and a session.
	userBytes, firstBytes, answerBytes, sessionBytes = 256, 512, 128, 64
	// mostSession is how long a session passes for live without being asked for.
	mostSession = time.Minute
)

// user is what is remembered of one, all of one epoch.
type user struct {
	epoch auth.Epoch
	// marks is how many changes are under way.
	marks int
	// sessions is until when each passes for live, in microseconds.
	sessions map[auth.SessionID]int64
	answers  map[string]kept
	bytes    int
}

// kept is an answer until a time in microseconds.
type kept struct {
	auth.Answer

	until int64
}

// epochs makes each epoch of this process another.
var epochs atomic.Uint64

func newEpoch() auth.Epoch { return auth.Epoch(strconv.FormatUint(epochs.Add(1), 36)) }

// user is what is remembered of a slot's user; if nothing is, that begins.
func (s *shard) user(slot auth.Slot) *user {
	u, known := s.users[slot]
	if !known {
		if s.bytes > mostBytes {
			s.forgetSome()
		}
		u = &user{epoch: newEpoch(), bytes: userBytes}
		s.users[slot] = u
		s.bytes += u.bytes
	}
	return u
}

// mark remembers nothing of the user until the change is done.
func (s *shard) mark(slot auth.Slot) {
	u := s.user(slot)
	u.marks++
	s.empty(u)
}

// empty forgets sessions and answers of a user.
func (s *shard) empty(u *user) {
	s.bytes += userBytes - u.bytes
	u.epoch, u.sessions, u.answers, u.bytes = newEpoch(), nil, nil, userBytes
}

// recall finds an answer, and the epoch to keep one with.
func (s *shard) recall(now int64, e auth.Entry) (auth.Epoch, *auth.Answer) {
	u := s.user(e.Slot)
	if u.marks > 0 {
		return "", nil
	}
	if found, ok := u.answers[e.Question]; ok && found.until > now && u.sessions[e.Session] > now {
		return u.epoch, &found.Answer
	}
	return u.epoch, nil
}

// Keep implements auth.Gate.
func (l *Local) Keep(e auth.Entry, epoch auth.Epoch, a auth.Answer) {
	if epoch == "" || len(a.Body) > auth.MostAnswer {
		return
	}
	s := l.shard(e.Slot)
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[e.Slot]
	if u == nil || u.epoch != epoch { // something has changed since the question
		return
	}
	before := u.bytes
	u.keep(e, a, l.now(), l.keepFor)
	s.bytes += u.bytes - before
	if s.bytes > mostBytes {
		s.forgetSome()
	}
}

// keep remembers an answer, and that its session is live.
func (u *user) keep(e auth.Entry, a auth.Answer, now time.Time, keepFor time.Duration) {
	if u.answers == nil {
		u.sessions, u.answers = map[auth.SessionID]int64{}, map[string]kept{}
		u.bytes += firstBytes
	}
	if _, known := u.sessions[e.Session]; !known {
		u.bytes += sessionBytes
	}
	if before, known := u.answers[e.Question]; known {
		u.bytes -= len(before.Body)
	} else {
		u.bytes += answerBytes + len(e.Question)
	}
	u.bytes += len(a.Body)
	u.sessions[e.Session] = now.Add(min(keepFor, mostSession)).UnixMicro()
	u.answers[e.Question] = kept{a, now.Add(keepFor).UnixMicro()}
}

// forgetSome forgets users, whichever, until there is room again. That a change
// of theirs is under way may be forgotten too: whatever is remembered meanwhile
// goes when it is done.
func (s *shard) forgetSome() {
	for slot, u := range s.users {
		if s.bytes <= mostBytes*3/4 {
			return
		}
		s.bytes -= u.bytes
		delete(s.users, slot)
	}
}

// Changed implements auth.Gate. It never fails.
func (l *Local) Changed(_ context.Context, slot auth.Slot, mark auth.Mark) error {
	s := l.shard(slot)
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[slot]
	if u == nil {
		return nil
	}
	if mark == auth.Marked {
		u.marks--
	}
	s.empty(u)
	if u.marks <= 0 {
		s.bytes -= u.bytes
		delete(s.users, slot)
	}
	return nil
}
