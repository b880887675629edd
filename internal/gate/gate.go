// Package gate is what a request meets before anything is done for it: it holds
// callers to their rates, and remembers what was answered. [Redis] does so for all
// replicas together, in one round trip; [Local] does the same in this process
// alone, and counts whenever Redis does not answer.
//
// It knows neither HTTP nor who calls: budgets and answers belong to a slot, and
// rates and questions come with each request.
//
// The way of counting is GCRA, the generic cell rate algorithm. Of a budget only
// the moment is kept at which it will be whole again. Each request moves that
// moment on by its cost, and is refused if it would then lie further away than a
// whole budget takes. A budget that is whole needs no memory.
//
// What is remembered of a user belongs to an epoch. A change ends it, twice: before
// it begins, where it also leaves a mark, under which nothing is remembered, and
// when it is done. An answer is kept under the epoch that was before its question,
// so one that is older than a change is never believed after it. The session that
// has asked passes for live in that epoch too; a logout is a change. belief.go says
// what of a Redis that was away is believed.
package gate

import "github.com/codegenapp/codegenapp/internal/auth"

var (
	_ auth.Gate = (*Local)(nil)
	_ auth.Gate = (*Redis)(nil)
)
