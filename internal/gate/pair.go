package gate

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/identity"
)

// Pair is two gates as one: requests are counted at one, answers kept at the other.
type Pair struct{ Counts, Remembers identity.Gate }

var _ identity.Gate = Pair{}

// Enter implements identity.Gate.
func (p Pair) Enter(ctx context.Context, e identity.Entry) identity.Pass {
	counted := p.Counts.Enter(ctx, identity.Entry{Slot: e.Slot, Rates: e.Rates})
	if !counted.Allowed() || e.Question == "" && !e.Changes {
		return counted
	}
	e.Rates = nil
	pass := p.Remembers.Enter(ctx, e)
	pass.Standings = counted.Standings
	return pass
}

// Keep implements identity.Gate.
func (p Pair) Keep(e identity.Entry, epoch identity.Epoch, a identity.Answer) {
	p.Remembers.Keep(e, epoch, a)
}

// Changed implements identity.Gate.
func (p Pair) Changed(ctx context.Context, slot identity.Slot, mark identity.Mark) error {
	return p.Remembers.Changed(ctx, slot, mark)
}
