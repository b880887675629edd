package gate

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// past is what a test knows of one user: at which step something happened last.
type past struct {
	// changed is when a change began or was reported, marks how many must stand.
	changed, marks int
	// asked are the questions that got an epoch; any of them may be answered late.
	asked []asked
	// confirmed is the latest question of each session whose answer was kept.
	confirmed map[auth.SessionID]int
	// begun are changes that are not reported yet.
	begun int
}

type asked struct {
	auth.Entry

	epoch auth.Epoch
	at    int
}

// chronicle is a random life of some users at some replicas. Answers say when
// their question was asked, so that each can be held to one rule: no answer is
// older than anything of its user's changes, nor its session's last proof.
type chronicle struct {
	memory
	*rand.Rand
	t        testing.TB
	replicas []auth.Gate
	users    map[auth.Slot]*past
	sessions []auth.SessionID
	// evict forgets a key of a slot, or all there is; nil where nothing is lost, nor
	// anybody who has begun a change.
	evict       func(auth.Slot)
	step, given int
}

func newChronicle(t testing.TB, w memory, replicas ...auth.Gate) *chronicle {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := &chronicle{memory: w, Rand: rand.New(rand.NewPCG(seed, 0)), t: t, replicas: replicas, users: map[auth.Slot]*past{}}
	for range 3 {
		c.sessions = append(c.sessions, newSession())
	}
	for _, slot := range []auth.Slot{"ann", "ben", "eve"} {
		c.users[slot] = &past{confirmed: map[auth.SessionID]int{}}
	}
	return c
}

// slots are those of the chronicle, in an order that a seed repeats.
var slots = []auth.Slot{"ann", "ben", "eve"}

func (c *chronicle) live(steps int) {
	c.t.Helper()
	for c.step = 1; c.step <= steps && !c.t.Failed(); c.step++ {
		slot := slots[c.IntN(len(slots))]
		u, g := c.users[slot], c.replicas[c.IntN(len(c.replicas))]
		switch dice := c.IntN(1000); {
		case dice < 580:
			c.ask(g, slot, u)
		case dice < 880:
			c.answer(g, u)
		case dice < 905:
			c.begin(g, slot, u)
		case dice < 975:
			c.report(g, slot, u)
		case dice < 980:
			c.pass(time.Duration(c.IntN(30)) * time.Second)
		case c.evict == nil:
		case dice < 982: // whoever has begun is gone
			u.begun = max(u.begun-1, 0)
		case dice < 988:
			c.leases()
		default:
			c.evict(slot)
		}
	}
	if c.given < steps/50 {
		c.t.Errorf("%d answers were given in %d steps: nothing was tried", c.given, steps)
	}
}

func (c *chronicle) ask(g auth.Gate, slot auth.Slot, u *past) {
	e := reading(slot, c.sessions[c.IntN(len(c.sessions))], "/"+strconv.Itoa(c.IntN(3)))
	pass := g.Enter(c.t.Context(), e)
	if u.marks > 0 && (pass.Answer != nil || pass.Epoch != "") {
		c.t.Errorf("step %d: %s of %s is answered under %d marks: %+v", c.step, e.Question, slot, u.marks, pass)
	}
	if pass.Epoch != "" {
		u.asked = append(u.asked, asked{e, pass.Epoch, c.step})
	}
	if pass.Answer == nil {
		return
	}
	c.given++
	question, at, ok := stamped(string(pass.Answer.Body))
	if !ok || question != string(slot)+e.Question || at <= u.changed || u.confirmed[e.Session] <= u.changed {
		c.t.Errorf("step %d: %s of %s is answered by %q; its last change was at %d, the last proof of the session at %d",
			c.step, e.Question, slot, pass.Answer.Body, u.changed, u.confirmed[e.Session])
	}
}

// stamp is the text of an answer.
func stamp(a asked) string { return string(a.Slot) + a.Question + " " + strconv.Itoa(a.at) }

func stamped(text string) (question string, at int, ok bool) {
	for n := len(text) - 1; n > 0; n-- {
		if text[n] == ' ' {
			at, err := strconv.Atoi(text[n+1:])
			return text[:n], at, err == nil
		}
	}
	return "", 0, false
}

// answer lets one of the last questions, or any, be answered now.
func (c *chronicle) answer(g auth.Gate, u *past) {
	if len(u.asked) == 0 {
		return
	}
	n := c.IntN(len(u.asked))
	if c.IntN(3) > 0 {
		n = len(u.asked) - 1
	}
	a := u.asked[n]
	u.confirmed[a.Session] = max(u.confirmed[a.Session], a.at)
	g.Keep(a.Entry, a.epoch, auth.Answer{Body: []byte(stamp(a))})
	if c.IntN(2) == 0 {
		c.settle()
	}
}

func (c *chronicle) begin(g auth.Gate, slot auth.Slot, u *past) {
	if pass := g.Enter(c.t.Context(), changing(slot)); pass.Mark != auth.Marked {
		c.t.Errorf("step %d: a change is %d", c.step, pass.Mark)
	}
	u.changed, u.marks, u.begun = c.step, u.marks+1, u.begun+1
}

// report tells of a change that was marked, or of one that was not.
func (c *chronicle) report(g auth.Gate, slot auth.Slot, u *past) {
	mark := auth.Mark(c.IntN(2)) // Unmarked or Announced
	switch {
	case u.begun > 0:
		mark = auth.Marked
		u.begun, u.marks = u.begun-1, max(u.marks-1, 0)
	case c.IntN(8) > 0:
		return
	}
	must(c.t, g.Changed(c.t.Context(), slot, mark))
	u.changed = c.step
}

// leases lets so much time pass that no mark stands any more.
func (c *chronicle) leases() {
	c.pass(80 * time.Second)
	for _, u := range c.users {
		u.marks = 0
	}
}

func TestNoAnswerIsOlderThanAChangeInProcess(t *testing.T) {
	t.Parallel()
	w := memories["in process"](t, time.Minute)
	newChronicle(t, w, w.Gate).live(20_000)
}

func TestNoAnswerIsOlderThanAChangeInRedis(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	config := RedisConfig{URL: url, KeepFor: 10 * time.Minute} // longer than a mark stands
	first, second, client := believing(t, config), believing(t, config), connect(t, url)
	w := memory{
		pass: func(by time.Duration) { age(t, client, by) },
		settle: func() {
			settle(t, client, first)
			settle(t, client, second)
		},
	}
	c := newChronicle(t, w, first, second)
	c.evict = func(slot auth.Slot) { c.forget(client, slot) }
	c.live(4_000)
}

// forget loses a key of a slot or, seldom, all.
func (c *chronicle) forget(client rueidis.Client, slot auth.Slot) {
	u := c.users[slot]
	e := reading(slot, c.sessions[c.IntN(len(c.sessions))], "/"+strconv.Itoa(c.IntN(3)))
	switch key := []string{epochKey(slot), marksKey(slot), sessionKey(e), answerKey(e), ""}[c.IntN(5)]; key {
	case "":
		run(c.t, client, "FLUSHDB")
		for _, u := range c.users {
			u.marks = 0
		}
	case marksKey(slot):
		u.marks = 0
		fallthrough
	default:
		run(c.t, client, "DEL", key)
	}
}
