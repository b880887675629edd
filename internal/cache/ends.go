package cache

import (
	"context"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

const (
	// endDelay is how long the end of a write waits for another call of its user, which
	// takes it along.
	endDelay = 20 * time.Millisecond
	// maxEndUsers and maxEndBytes bound the ends that wait: of how many users, and how
	// much of each. Further ends are left to the deadlines of their writes.
	maxEndUsers, maxEndBytes = 1024, 8 << 10
)

// ends are the ends of writes that Redis does not know yet, by user: "id scope scope;"
// for each write.
type ends struct {
	mu     sync.Mutex
	byUser map[auth.UserID]string
	// waiting has a value while there are ends.
	waiting chan struct{}
}

func newEnds() *ends { return &ends{byUser: map[auth.UserID]string{}, waiting: make(chan struct{}, 1)} }

func (e *ends) add(user auth.UserID, marks string) {
	if marks == "" {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	known := e.byUser[user]
	if known == "" && len(e.byUser) >= maxEndUsers || len(known)+len(marks) > maxEndBytes {
		return
	}
	e.byUser[user] = known + marks
	select {
	case e.waiting <- struct{}{}:
	default:
	}
}

// take returns the ends of a user, which are the caller's to send.
func (e *ends) take(user auth.UserID) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	marks := e.byUser[user]
	if marks != "" {
		delete(e.byUser, user)
	}
	return marks
}

// users returns the users that have ends.
func (e *ends) users() []auth.UserID {
	e.mu.Lock()
	defer e.mu.Unlock()
	users := make([]auth.UserID, 0, len(e.byUser))
	for user := range e.byUser {
		users = append(users, user)
	}
	return users
}

// sendEnds sends the ends that no other call has taken along, until ctx is done, and then
// all that are left.
func (r *Redis) sendEnds(ctx context.Context) {
	defer close(r.calls)
	for ctx.Err() == nil {
		select {
		case <-r.ends.waiting:
		case <-ctx.Done():
		}
		select {
		case <-time.After(endDelay):
		case <-ctx.Done():
		}
		r.queueEnds()
	}
	r.queueEnds()
}

// queueEnds queues a call for each user that has ends.
func (r *Redis) queueEnds() {
	for _, user := range r.ends.users() {
		if c := r.call(user, nil, nil, "end"); c.ended != "" {
			r.calls <- c
		}
	}
}
