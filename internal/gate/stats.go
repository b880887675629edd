package gate

// Stats is how a gate has done since it was opened.
type Stats struct {
	// Here is whether Redis is asked; while it is not, the circuit is open.
	Here bool
	// Outages is how often Redis was lost.
	Outages uint64
	// Answered counts the requests that Redis has answered, Alone those that this
	// process has answered without it.
	Answered, Alone uint64
}

// Stats tells how the gate has done.
func (r *Redis) Stats() Stats {
	turn := r.turns.Load()
	return Stats{Here: here(turn), Outages: turn / 2, Answered: r.answered.Load(), Alone: r.alone.Load()}
}
