package admission

import (
	"context"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// shareTimeout is how long work of a caller waits for other work of the same caller.
// Others do not wait for it meanwhile, so it is longer than queueTimeout.
const shareTimeout = 2 * time.Second

// shares bounds how much work of one caller runs at the same time.
type shares struct {
	// slots are for each caller, most is how much of its work may run or wait.
	slots, most int

	mu      sync.Mutex
	callers map[string]*share
}

// share is what one caller has. It lives as long as it has work.
type share struct {
	slots chan struct{}
	work  int
}

func newShares(slots, most int) *shares {
	return &shares{slots: slots, most: most, callers: map[string]*share{}}
}

// acquire takes a slot of the caller, which release gives back. Its error is
// Unavailable.
func (s *shares) acquire(ctx context.Context, caller string) (release func(), err error) {
	mine := s.enter(caller)
	if mine == nil {
		return nil, overloaded()
	}
	select {
	case mine.slots <- struct{}{}:
	default:
		timeout := time.NewTimer(shareTimeout)
		defer timeout.Stop()
		select {
		case mine.slots <- struct{}{}:
		case <-ctx.Done():
			s.leave(caller, mine)
			return nil, problem.New(problem.Unavailable, "The request was cancelled.").Because(ctx.Err())
		case <-timeout.C:
			s.leave(caller, mine)
			return nil, overloaded()
		}
	}
	return func() {
		<-mine.slots
		s.leave(caller, mine)
	}, nil
}

// enter returns the share of a caller; nil if it has too much work already.
func (s *shares) enter(caller string) *share {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine, ok := s.callers[caller]
	if !ok {
		mine = &share{slots: make(chan struct{}, s.slots)}
		s.callers[caller] = mine
	}
	if mine.work >= s.most {
		return nil
	}
	mine.work++
	return mine
}

func (s *shares) leave(caller string, mine *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if mine.work--; mine.work == 0 {
		delete(s.callers, caller)
	}
}
