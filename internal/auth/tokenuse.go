package auth

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/internal/id"
)

const (
	// useInterval is how often the use of a token is noted, newNetworkInterval how often
	// at most for networks that this replica has not seen it in.
	useInterval, newNetworkInterval = 10 * time.Minute, time.Minute
	// maxTouches bounds the notes that are written at the same time. A use that finds no
	// slot is noted with the next request.
	maxTouches = 4
	// maxKnownTokens bounds the tokens that a replica remembers, about 200 bytes each;
	// maxKnownNetworks the networks of a token.
	maxKnownTokens, maxKnownNetworks = 8192, 32
	// networkBits is the part of an IPv6 address that is one network: a customer gets at
	// least a /64.
	networkBits = 64
)

// tokenUses remembers the API tokens that this replica has proven to be live, and when
// their use was noted. The zero value has none.
type tokenUses struct {
	mu     sync.Mutex
	tokens map[tokenHash]*tokenUse // by TokenCredential.Key
	// touching counts the notes that are being written, and idle waits for them.
	touching int
	idle     sync.WaitGroup
}

// tokenUse is the last note about a token.
type tokenUse struct {
	at       time.Time
	networks map[string]struct{}
}

// ProveToken returns nil if the store has found the actor's token live before, at this
// replica, or finds it live now. A caller can make up a token that names another user;
// until it is proven, nothing must be charged to that user. It passes for live from then on
// only where the store is queried again; see ForgetToken.
func (s *Service) ProveToken(ctx context.Context, actor Actor) error {
	if s.uses.proven(actor.Token) {
		return nil
	}
	actor.Token.Needs = AnyScope
	if err := s.store.CheckSession(ctx, actor); err != nil {
		return err
	}
	s.uses.add(actor.Token)
	return nil
}

// TokenProven reports whether ProveToken needs no query.
func (s *Service) TokenProven(actor Actor) bool { return s.uses.proven(actor.Token) }

// ForgetToken makes a token prove itself again, after it was rejected.
func (s *Service) ForgetToken(actor Actor) {
	s.uses.mu.Lock()
	defer s.uses.mu.Unlock()
	delete(s.uses.tokens, actor.Token.Key)
}

// NoteTokenUse notes a request with a proven token: when, from where, and with an audit
// event if the token was not used from that network before. It does not wait for the
// store, and its failure matters to no request: the next one tries again.
func (s *Service) NoteTokenUse(ctx context.Context, actor Actor) {
	network := networkOf(actor.From.IP)
	now := s.access.now()
	if !s.uses.begin(actor.Token, network, now) {
		return
	}
	ctx, cancel := detached(ctx)
	s.uses.idle.Go(func() {
		defer cancel()
		event := Event{
			ID: id.New[Event](), Actor: &actor.User, Action: TokenUsedFromNewAddress, ResourceType: "token",
			Resource: new(ResourceID(actor.Token.ID)), From: actor.From,
		}
		err := s.store.TouchToken(ctx, actor, network, event)
		if err != nil {
			s.log.WarnContext(ctx, "the use of an API token was not noted", "error", err)
		}
		s.uses.end(actor.Token, err != nil)
	})
}

// Close waits for what goes on behind the responses. No request may be in progress.
func (s *Service) Close() { s.uses.idle.Wait() }

func (u *tokenUses) proven(c TokenCredential) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.tokens[c.Key] != nil
}

func (u *tokenUses) add(c TokenCredential) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.tokens == nil || len(u.tokens) >= maxKnownTokens {
		u.tokens = map[tokenHash]*tokenUse{}
	}
	u.tokens[c.Key] = &tokenUse{}
}

// begin reports whether the use is to be noted now.
func (u *tokenUses) begin(c TokenCredential, network string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	t := u.tokens[c.Key]
	if t == nil || u.touching >= maxTouches {
		return false
	}
	_, known := t.networks[network]
	age := now.Sub(t.at)
	if !t.at.IsZero() && age < useInterval && (known || age < newNetworkInterval) {
		return false
	}
	if t.networks == nil || len(t.networks) >= maxKnownNetworks {
		t.networks = map[string]struct{}{}
	}
	t.networks[network] = struct{}{}
	t.at = now
	u.touching++
	return true
}

// end ends a note; one that failed is made again with the next use.
func (u *tokenUses) end(c TokenCredential, failed bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.touching--
	if t := u.tokens[c.Key]; failed && t != nil {
		*t = tokenUse{}
	}
}

// networkOf is the network of an address: of IPv6 the /64.
func networkOf(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || !addr.Is6() {
		return ip
	}
	prefix, err := addr.WithZone("").Prefix(networkBits)
	if err != nil {
		return ip
	}
	return prefix.String()
}
