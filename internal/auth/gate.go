package auth

import "context"

// Gate is what a request meets before anything is done for it. It holds callers
// to their rates, and remembers what was answered lately. Package gate implements
// it.
//
// What it remembers of a user is believed until something of that user changes,
// and never again: a read that begins after a write was answered is not answered
// by what was so before, at any replica. That is why every change goes through
// it: it is told before the change begins, and again before it is answered.
type Gate interface {
	// Enter spends one request from each budget of the entry, or from none if
	// one of them has nothing left. It always answers, and soon.
	Enter(ctx context.Context, e Entry) Pass
	// Keep remembers the answer to the question of an entry that got the epoch,
	// and that its session was live. It does not wait until that is done.
	Keep(e Entry, epoch Epoch, a Answer)
	// Changed tells that something of the slot's user has changed; mark is that of
	// the pass with which the change began. What the gate remembers is not believed
	// any more when it returns, unless with an error: then replicas may believe it
	// as long as answers are kept. It never fails after a mark.
	Changed(ctx context.Context, s Slot, mark Mark) error
}

// Slot names whose budgets and answers are meant: a user, a session, or an
// address. All that a gate keeps of one slot lies together, so that one call
// reaches it.
type Slot string

// Slot is where everything about the actor's user is kept.
func (a Actor) Slot() Slot { return slotOf(a.User) }

func slotOf(user UserID) Slot { return Slot(user.String()) }

// SessionSlot is where the session of a refresh token is kept. That the token was
// ever issued is for the store to say.
func SessionSlot(refreshToken string) (Slot, error) {
	p, err := parseRefresh(refreshToken)
	return Slot(p.session.String()), err
}

// Entry is a request before the gate.
type Entry struct {
	Slot Slot
	// Rates are the budgets to spend one request from.
	Rates []Rate
	// Question names what is read, where the answer may be one that is kept, and
	// Session who reads it. A kept answer is given to live sessions only.
	Question string
	Session  SessionID
	// Changes is true for what may change something of the slot's user. Nothing
	// that is remembered of the user is believed from now on until Changed, or
	// until no such request can be under way any more.
	Changes bool
}

// Epoch is the time between two changes of a user. The empty one is none: the
// answer is not to be kept.
type Epoch string

// MostAnswer is the largest body that is kept, in bytes.
const MostAnswer = 64 << 10

// Answer is what was answered to a read.
type Answer struct {
	// ETag is empty where the answer has none.
	ETag string
	Body []byte
}

// Pass is the gate's answer.
type Pass struct {
	// Standings has one for each rate of the entry, in their order.
	Standings []Standing
	// Answer is a kept one to the entry's question, nil if there is none. Its
	// body is not to be written to.
	Answer *Answer
	// Epoch is for keeping the answer that was not there.
	Epoch Epoch
	// Mark is for the report that what the entry has announced is done.
	Mark Mark
}

// Mark is how those who may remember something of a user were told that it is
// about to change.
type Mark int

// Marks: nobody was told; every replica is told by a message; the gate of all of
// them knows.
const (
	Unmarked Mark = iota
	Announced
	Marked
)

// Allowed reports whether every budget had something left.
func (p Pass) Allowed() bool {
	for _, s := range p.Standings {
		if !s.Allowed {
			return false
		}
	}
	return true
}
