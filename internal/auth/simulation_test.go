package auth_test

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// scene is the environment of a simulation: the real rules over a store, and
// functions that change time and rows.
type scene struct {
	rules   *auth.Service
	keys    *auth.KeyRing
	model   *model
	advance func(time.Duration)
	// kept returns all sessions of users as they are stored.
	kept func(users ...auth.UserID) []auth.Session
	// auditCount returns the number of audit events of an action.
	auditCount func(auth.Action) int
	// waits are the times between two steps. Their sums come as close to the limits
	// of the rules as the precision of the store's clock allows.
	waits []time.Duration
}

// client is one holder of tokens: a browser tab, a phone, a thief.
type client struct {
	person  int
	session auth.SessionID
	access  string
	refresh string
	past    []string // refresh tokens that it had before
}

// people is the number of users of a simulation. They do not affect each other.
const people = 2

// simulation runs the script of one seed.
type simulation struct {
	*scene

	t       testing.TB
	seed    uint64
	dice    *mathrand.Rand
	users   [people]auth.UserID
	clients []*client
	signIns int
	story   []string
	failed  bool
	// endings counts the results, so that a test can check that its scripts reach
	// every possible result.
	endings map[string]int
}

// fakeProvider is an identity provider that accepts every name.
type fakeProvider struct {
	auth.Provider // no test signs in by code

	seed uint64
}

func (e fakeProvider) Verify(_ context.Context, raw, _ string) (auth.Profile, error) {
	person, _, _ := strings.Cut(raw, "/")
	p := auth.Profile{
		Issuer: "https://issuer.test", Subject: fmt.Sprintf("%d-%s", e.seed, person),
		Email: person + "@example.com", Name: person, Expires: time.Now().Add(time.Hour),
	}
	_, err := rand.Read(p.Token[:])
	return p, err
}

// simulate runs a script of a number of steps. It returns the count of each result,
// and whether the script reached its end. A wrong result fails the test.
func simulate(t testing.TB, seed uint64, steps int, s *scene) (endings map[string]int, ok bool) {
	t.Helper()
	sim := &simulation{scene: s, t: t, seed: seed, dice: mathrand.New(mathrand.NewPCG(seed, 16)), endings: map[string]int{}}
	for person := range people {
		sim.signIn(person)
	}
	for n := 0; n < steps && !sim.failed; n++ {
		sim.step()
		sim.checkRows()
	}
	sim.tryAllTokens()
	return sim.endings, !sim.failed
}

func (s *simulation) fail(format string, args ...any) {
	if s.failed { // what follows a fault is no other
		return
	}
	s.failed = true
	s.t.Errorf("seed %d: %s, after\n%s", s.seed, fmt.Sprintf(format, args...), strings.Join(s.story, "\n"))
}

func (s *simulation) tell(format string, args ...any) {
	s.story = append(s.story, s.model.now.Format("15:04:05.999999999 ")+fmt.Sprintf(format, args...))
}

// want compares a result with the model.
func (s *simulation) want(what string, err error, want problem.Code) bool {
	s.endings[strings.TrimSpace(what+" "+string(want))]++
	if err == nil && want == "" {
		return true
	}
	if problem.CodeOf(err) == problem.Unavailable { // what was done is unknown, and the rest of the script means nothing
		s.failed = true
		return false
	}
	if err == nil || want == "" || problem.CodeOf(err) != want {
		s.fail("%s: %v, want %q", what, err, want)
	}
	return false
}

func pick[T any](dice *mathrand.Rand, some []T) T { return some[dice.IntN(len(some))] }

// step executes one action of a client, a thief, the network or time.
func (s *simulation) step() {
	c := pick(s.dice, s.clients)
	if s.dice.IntN(4) > 0 { // usually a recent client
		c = pick(s.dice, s.clients[max(0, len(s.clients)-4):])
	}
	switch n := s.dice.IntN(100); {
	case n < 22:
		wait := pick(s.dice, s.waits)
		s.tell("wait %s", wait)
		s.model.now = s.model.now.Add(wait)
		s.advance(wait)
	case n < 44:
		s.refresh(c, c.refresh, true)
	case n < 50: // the answer is lost, and the client will try again
		s.refresh(c, c.refresh, false)
	case n < 57: // a second tab, or a thief
		s.tell("a copy of client %d", slices.Index(s.clients, c))
		s.clients = append(s.clients, new(*c))
	case n < 63 && len(c.past) > 0: // a copy that has lain about
		s.refresh(c, pick(s.dice, c.past), true)
	case n < 67:
		s.guess(c)
	case n < 75:
		s.signIn(s.dice.IntN(people))
	case n < 77: // past the limit, whatever it is
		person := s.dice.IntN(people)
		for range s.model.rules.PerUser + s.dice.IntN(3) {
			s.signIn(person)
		}
	case n < 87:
		s.request(c)
	case n < 91:
		s.logout(c)
	case n < 95:
		s.endOne(c)
	case n < 98:
		s.list(c)
	default:
		s.changeSuspension(s.dice.IntN(people))
	}
}

func (s *simulation) signIn(person int) {
	s.signIns++
	s.tell("person %d signs in as client %d", person, len(s.clients))
	g, err := s.rules.SignIn(s.t.Context(), fmt.Sprintf("%d/%d", person, s.signIns), "", auth.Client{})
	if !s.want("the sign-in", err, s.model.admits(person)) {
		if s.dice.IntN(2) == 0 {
			s.changeSuspension(person)
		}
		return
	}
	s.users[person] = g.User.ID
	if went := s.model.signIn(person, g); went > 0 {
		s.endings["past the limit"]++
		if s.model.rules.PerUser == 20 {
			s.endings["past the limit of 20"]++
		}
	}
	s.clients = append(s.clients, &client{person: person, session: g.Session.ID, access: g.AccessToken, refresh: g.RefreshToken})
}

// refresh exchanges a token. The client stores the response if it arrives.
func (s *simulation) refresh(c *client, token string, arrives bool) {
	s.tell("client %d refreshes with token %d; the answer arrives: %v", slices.Index(s.clients, c), s.model.refreshes[token].generation, arrives)
	if given := s.model.refreshes[token]; !s.model.now.Before(given.session.dies) && !given.session.ended {
		s.endings["the refresh, of a session at its greatest age"]++
	}
	want, session, successor := s.model.refresh(token)
	g, err := s.rules.Refresh(s.t.Context(), token, auth.Client{})
	if !s.want("the refresh", err, want) {
		return
	}
	_, seen := s.model.refreshes[g.RefreshToken]
	switch {
	case g.Session.ID != session.id:
		s.fail("the refresh answers another session")
	case successor != "" && g.RefreshToken != successor:
		s.fail("the predecessor gets another successor than the one that was given")
	case successor == "" && seen:
		s.fail("the refresh answers a token that was given before")
	case successor != "":
		s.endings["the refresh, by the predecessor"]++
	case g.RefreshExpires <= 0 || g.RefreshExpires > s.model.rules.Idle:
		s.fail("the new token expires in %s", g.RefreshExpires)
	}
	s.model.give(session, g)
	if arrives {
		c.past = append(c.past, c.refresh)
		c.access, c.refresh = g.AccessToken, g.RefreshToken
	}
}

// guess presents tokens that were never issued: that of a later rotation, which only
// the server can make, and the newest token with one bit changed.
func (s *simulation) guess(c *client) {
	s.tell("client %d guesses", slices.Index(s.clients, c))
	for _, row := range s.kept(s.users[c.person]) {
		if row.ID == c.session {
			row.Counter += 1 + s.dice.Int32N(3)
			_, err := s.rules.Refresh(s.t.Context(), s.keys.Refresh().Token(row), auth.Client{})
			s.want("the guess of a rotation to come", err, problem.RefreshTokenInvalid)
		}
	}
	bent := []byte(c.refresh)
	at := 4 + s.dice.IntN(len(bent)-4)
	bent[at] ^= 1
	_, err := s.rules.Refresh(s.t.Context(), string(bent), auth.Client{})
	s.want("the guess", err, problem.RefreshTokenInvalid)
}

func (s *simulation) request(c *client) {
	s.tell("client %d makes a request", slices.Index(s.clients, c))
	_, want := s.model.request(c.access)
	s.want("the request", s.ask(c.access), want)
}

// ask executes the first steps of every request.
func (s *simulation) ask(access string) error {
	actor, err := s.rules.Authenticate("Bearer " + access)
	if err != nil {
		return err
	}
	return s.rules.CheckSession(s.t.Context(), actor)
}

func (s *simulation) logout(c *client) {
	access, refresh, all := c.access, c.refresh, s.dice.IntN(3) == 0
	if s.dice.IntN(3) == 0 {
		access = ""
	}
	if s.dice.IntN(3) == 0 {
		refresh = ""
	}
	s.tell("client %d logs out; by access %v, by refresh %v, all %v", slices.Index(s.clients, c), access != "", refresh != "", all)
	want := s.model.logout(access, refresh, all)
	s.want("the logout", s.rules.Logout(s.t.Context(), strings.TrimSuffix("Bearer "+access, " "), refresh, all, auth.Client{}), want)
}

// endOne revokes a session by its id: the client's own, another of the same user, or
// one of the other user.
func (s *simulation) endOne(c *client) {
	target := pick(s.dice, s.clients).session
	s.tell("client %d ends session %s", slices.Index(s.clients, c), target)
	want := s.model.end(c.access, target)
	actor, err := s.rules.Authenticate("Bearer " + c.access)
	if err == nil {
		err = s.rules.EndSession(s.t.Context(), actor, target)
	}
	s.want("the end of a session", err, want)
}

func (s *simulation) list(c *client) {
	s.tell("client %d lists its sessions", slices.Index(s.clients, c))
	_, want := s.model.request(c.access)
	actor, err := s.rules.Authenticate("Bearer " + c.access)
	var got []auth.Session
	if err == nil {
		got, err = s.rules.Sessions(s.t.Context(), actor)
	}
	if !s.want("the list", err, want) {
		return
	}
	live := s.model.of(c.person)
	slices.Reverse(live)
	if !slices.EqualFunc(got, live, func(a auth.Session, b *modelled) bool { return a.ID == b.id }) {
		s.fail("the list has %d sessions, want %d", len(got), len(live))
	}
}

// changeSuspension suspends or reinstates a user as an admin.
func (s *simulation) changeSuspension(person int) {
	suspended := !s.model.suspended[person]
	s.tell("person %d is suspended: %v", person, suspended)
	s.model.suspend(person, suspended)
	s.signIns++
	g, err := s.rules.SignIn(s.t.Context(), fmt.Sprintf("admin/%d", s.signIns), "", auth.Client{})
	if !s.want("the sign-in of the admin", err, "") {
		return
	}
	admin := auth.PrivilegedActor{Actor: auth.Actor{User: g.User.ID, Session: g.Session.ID}, Permission: auth.ChangeUsers}
	_, err = s.rules.ChangeUser(s.t.Context(), admin, s.users[person], auth.UserChange{Suspend: &suspended})
	s.want("the suspension", err, "")
}

// theAdmin is the e-mail address of the admin.
const theAdmin = "admin@example.com"
