// Package gate is what a request meets before anything is done for it: it holds
// callers to their rates. [Redis] does so for all replicas together, in one round
// trip; [Local] does the same in this process alone, and takes over whenever
// Redis does not answer.
//
// It knows neither HTTP nor who calls: a budget belongs to a slot, and the rates
// come with each request.
//
// The way of counting is GCRA, the generic cell rate algorithm. Of a budget only
// the moment is kept at which it will be whole again. Each request moves that
// moment on by its cost, and is refused if it would then lie further away than a
// whole budget takes. A budget that is whole needs no memory.
package gate

import "github.com/codegenapp/codegenapp/internal/identity"

var (
	_ identity.Gate = (*Local)(nil)
	_ identity.Gate = (*Redis)(nil)
)
