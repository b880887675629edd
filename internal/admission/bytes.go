package admission

import (
	"context"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	// uncounted is how many bytes a request may hold without being counted. So ordinary
	// requests pass whatever others hold.
	uncounted = 64 << 10
	// bytesRetryAfter is when a request beyond its caller's budget is to be repeated.
	bytesRetryAfter = time.Second
)

// Bytes is a budget of bytes that requests hold at the same time: for each caller, and
// in all. It bounds the memory of bodies and responses, which live as long as slow
// clients take to send and to read them.
type Bytes struct {
	name            string
	perCaller, most int64
	shed            func(limiter string)

	mu      sync.Mutex
	held    int64
	callers map[string]int64
}

func newBytes(name string, perCaller, most int64, shed func(string)) *Bytes {
	return &Bytes{name: name, perCaller: perCaller, most: most, shed: shed, callers: map[string]int64{}}
}

// Open opens the account of a request. Close ends it.
func (b *Bytes) Open(caller string) Account { return Account{budget: b, caller: caller} }

// take counts n more bytes of a caller.
func (b *Bytes) take(caller string, n int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.callers[caller]+n > b.perCaller:
		p := problem.New(problem.RateLimited, "Your running requests hold too much data. Repeat this one when they have ended.")
		p.RetryAfter = bytesRetryAfter
		return p
	case b.held+n > b.most:
		b.shed(b.name)
		return overloaded()
	}
	b.held += n
	b.callers[caller] += n
	return nil
}

func (b *Bytes) giveBack(caller string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= n
	if b.callers[caller] -= n; b.callers[caller] <= 0 {
		delete(b.callers, caller)
	}
}

// Account is what one request holds of a budget. It is not safe for concurrent use.
// The zero Account has no bound.
type Account struct {
	budget *Bytes
	caller string
	// size is what the request holds, counted the part of it that the budget knows.
	size, counted int64
}

// Add counts n more bytes. Its error is RateLimited beyond the budget of the caller,
// Unavailable beyond the budget of all; then the request must not hold them.
func (a *Account) Add(n int) error {
	size := a.size + int64(n)
	if more := size - uncounted - a.counted; a.budget != nil && more > 0 {
		if err := a.budget.take(a.caller, more); err != nil {
			return err
		}
		a.counted += more
	}
	a.size = size
	return nil
}

// Close gives everything back.
func (a *Account) Close() {
	if a.counted > 0 {
		a.budget.giveBack(a.caller, a.counted)
		a.size, a.counted = 0, 0
	}
}

type accountKey struct{}

// NewContext returns a context whose work counts what it reads on the account.
func NewContext(ctx context.Context, a *Account) context.Context {
	return context.WithValue(ctx, accountKey{}, a)
}

// Hold counts n bytes on the account of the context, if it has one. Its errors are
// those of Add.
func Hold(ctx context.Context, n int) error {
	if a, ok := ctx.Value(accountKey{}).(*Account); ok {
		return a.Add(n)
	}
	return nil
}
