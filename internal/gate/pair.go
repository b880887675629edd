package gate

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// Pair is two gates as one: requests are counted at one, answers kept at the other.
type Pair struct{ Counts, Remembers auth.Gate }

var _ auth.Gate = Pair{}

// Enter implements auth.Gate.
func (p Pair) Enter(ctx context.Context, e auth.Entry) auth.Pass {
	counted := p.Counts.Enter(ctx, auth.Entry{Slot: e.Slot, Rates: e.Rates})
	if !counted.Allowed() || e.Question == "" && !e.Changes {
		return counted
	}
	e.Rates = nil
	pass := p.Remembers.Enter(ctx, e)
	pass.Standings = counted.Standings
	return pass
}

// Keep implements auth.Gate.
func (p Pair) Keep(e auth.Entry, epoch auth.Epoch, a auth.Answer) {
	p.Remembers.Keep(e, epoch, a)
}

// Changed implements auth.Gate.
func (p Pair) Changed(ctx context.Context, slot auth.Slot, mark auth.Mark) error {
	return p.Remembers.Changed(ctx, slot, mark)
}
