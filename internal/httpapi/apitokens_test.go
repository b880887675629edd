package httpapi_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

const (
	tokensPath = "/api/v1/tokens"
	botsPath   = "/api/v1/bots"
)

// apiToken is what a client reads of an API token.
type apiToken struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Scopes     []string `json:"scopes"`
	Token      string   `json:"token"`
	Last4      string   `json:"last4"`
	CreatedAt  string   `json:"created_at"`
	ExpiresAt  string   `json:"expires_at"`
	LastUsedAt *string  `json:"last_used_at"`
	LastUsedIP *string  `json:"last_used_ip"`
}

// newAPIToken creates a token below a path, which is that of the caller's own tokens or
// of a bot's.
func newAPIToken(c *testkit.Client, path string, scopes ...string) apiToken {
	var made apiToken
	c.Post(path, map[string]any{"name": "agent " + strings.Join(scopes, "+"), "scopes": scopes}).Want(201).Decode(&made)
	return made
}

// withAPIToken is the client with an API token of its own instead of its session.
func withAPIToken(c *testkit.Client, scopes ...string) *testkit.Client {
	other := *c
	other.Token = newAPIToken(c, tokensPath, scopes...).Token
	return &other
}

// newBot creates a bot and returns its id.
func newBot(c *testkit.Client, name string) string {
	var made struct{ ID string }
	c.Post(botsPath, map[string]any{"name": name}).Want(201).Decode(&made)
	return made.ID
}

// asBot is a client of a new bot.
func asBot(c *testkit.Client, scopes ...string) *testkit.Client {
	other := *c
	other.User = newBot(c, "builder")
	other.Token = newAPIToken(c, botsPath+"/"+other.User+"/tokens", scopes...).Token
	return &other
}

func tokensOf(c *testkit.Client, path string) []apiToken {
	var list struct{ Tokens []apiToken }
	c.Get(path).Want(200).Decode(&list)
	return list.Tokens
}

func TestTokens_AreShownOnceAndRevoked(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	answer := ann.Post(tokensPath, map[string]any{"name": " laptop ", "scopes": []string{"write"}, "expires_in": 3600}).Want(201)
	var made apiToken
	answer.Decode(&made)
	if got := answer.Header.Get("Location"); got != tokensPath+"/"+made.ID {
		t.Errorf("Location = %s", got)
	}
	created, _ := time.Parse(time.RFC3339Nano, made.CreatedAt)
	expires, _ := time.Parse(time.RFC3339Nano, made.ExpiresAt)
	if made.Name != "laptop" || !strings.HasSuffix(made.Token, made.Last4) || expires.Sub(created) != time.Hour || made.LastUsedAt != nil {
		t.Errorf("the token is %+v", made)
	}
	usual := newAPIToken(ann, tokensPath, "read", "manage")
	list := ann.Get(tokensPath).Want(200)
	if strings.Contains(string(list.Body), "cga_") {
		t.Errorf("the list has a secret: %s", list.Body)
	}
	if all := tokensOf(ann, tokensPath); len(all) != 2 || all[0].ID != usual.ID || all[1].ID != made.ID || all[0].Token != "" {
		t.Errorf("the list is %+v", all)
	}
	agent := *ann
	agent.Token = made.Token
	p := newProject(&agent, "Made by an agent")
	ann.Delete(tokensPath + "/" + made.ID).Want(204)
	agent.Get(p.path()).WantProblem(401, "token_revoked")
	agent.Delete(p.path()).WantProblem(401, "token_revoked")
	ann.Delete(tokensPath+"/"+made.ID).WantProblem(404, "token_not_found")
	ann.Get(p.path()).Want(200)
	if all := tokensOf(ann, tokensPath); len(all) != 1 {
		t.Errorf("the list has %d tokens", len(all))
	}
}

func TestTokens_RejectWhatIsNoToken(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, ben := s.SignUp(t), s.SignUp(t)
	token := newAPIToken(ann, tokensPath, "read").Token
	for name, tc := range map[string]struct{ token, code string }{
		"a typing error": {token[:20] + "x" + token[21:], "token_invalid"},
		"cut off":        {token[:len(token)-1], "token_invalid"},
		"the prefix":     {"cga_", "token_invalid"},
	} {
		if tc.token == token {
			tc.token = token[:20] + "y" + token[21:]
		}
		withToken(t, s, tc.token).Get(projectsPath).WantProblem(401, tc.code)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	// The secret of another user's token is of no use for this user.
	execSQL(t, s, "UPDATE api_tokens SET hash = sha256('x') WHERE user_id = $1", ann.User)
	withToken(t, s, token).Get(projectsPath).WantProblem(401, "token_revoked")
	expired := newAPIToken(ben, tokensPath, "write")
	withToken(t, s, expired.Token).Get(projectsPath).Want(200)
	execSQL(t, s, "UPDATE api_tokens SET expires_at = now() WHERE user_id = $1", ben.User)
	withToken(t, s, expired.Token).Post(projectsPath, withTitle("x")).WantProblem(401, "token_revoked")
	ben.Delete(tokensPath+"/"+expired.ID).WantProblem(404, "token_not_found")
}

func TestTokens_LimitsAreExactUnderConcurrency(t *testing.T) {
	t.Parallel()
	replicas := threeReplicas(t)
	ann := replicas[0].SignUp(t).WithRetry()
	results := races.Concurrently(60, func(n int) *testkit.Response {
		return ann.At(replicas[n%3]).Post(tokensPath, map[string]any{"name": fmt.Sprint("token ", n), "scopes": []string{"read"}})
	})
	if counts := races.CountByCode(results); counts["201"] != 50 || counts["409 token_limit_reached"] != 10 {
		t.Errorf("tokens: %v", counts)
	}
	results = races.Concurrently(26, func(n int) *testkit.Response {
		return ann.At(replicas[n%3]).Post(botsPath, map[string]any{"name": fmt.Sprint("bot ", n)})
	})
	if counts := races.CountByCode(results); counts["201"] != 20 || counts["409 bot_limit_reached"] != 6 {
		t.Errorf("bots: %v", counts)
	}
	// One that has ended makes room.
	ann.Delete(tokensPath + "/" + tokensOf(ann, tokensPath)[7].ID).Want(204)
	newAPIToken(ann, tokensPath, "read")
	ann.Post(tokensPath, map[string]any{"name": "x", "scopes": []string{"read"}}).WantProblem(409, "token_limit_reached")
}

func TestTokens_UseIsNotedAndAudited(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withAdmin)
	admin, ann := s.SignIn(t, adminEmail), s.SignUp(t)
	agent := withAPIToken(ann, "read")
	for range 5 {
		agent.Get(projectsPath).Want(200)
	}
	var token apiToken
	for deadline := time.Now().Add(10 * time.Second); token.LastUsedAt == nil && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		token = tokensOf(ann, tokensPath)[0]
	}
	if token.LastUsedAt == nil || token.LastUsedIP == nil || *token.LastUsedIP != "127.0.0.1" {
		t.Fatalf("the token is %+v", token)
	}
	// Once in ten minutes, whatever comes.
	for range 20 {
		agent.Get(projectsPath).Want(200)
	}
	if again := tokensOf(ann, tokensPath)[0]; *again.LastUsedAt != *token.LastUsedAt {
		t.Errorf("it was noted at %s and at %s", *token.LastUsedAt, *again.LastUsedAt)
	}
	want := []string{"token.used_from_new_address", "token.created"}
	if got := actionsAbout(admin, token.ID); !slices.Equal(got, want) {
		t.Errorf("the audit log has %q, want %q", got, want)
	}
	ann.Delete(tokensPath + "/" + token.ID).Want(204)
	if got := actionsAbout(admin, token.ID); len(got) != 3 || got[0] != "token.revoked" {
		t.Errorf("the audit log has %q", got)
	}
}

// actionsAbout are the actions of the audit events about a resource, the newest first.
func actionsAbout(admin *testkit.Client, resource string) (actions []string) {
	var list struct {
		Events []struct {
			Action     string
			ResourceID *string `json:"resource_id"`
		} `json:"audit_events"`
	}
	admin.Get(eventsPath + "?page_size=100").Want(200).Decode(&list)
	for _, e := range list.Events {
		if e.ResourceID != nil && *e.ResourceID == resource {
			actions = append(actions, e.Action)
		}
	}
	return actions
}

// A caller can make up a token that names any user. It must not cost that user a request, and
// must not appear as the user's.
func TestTokens_ForgedOnesAreChargedToTheAddress(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	s := testkit.StartLogging(t, &log, func(s *server.Settings) {
		s.RateLimitEnabled = true
		s.RateLimitDefault.Requests, s.RateLimitDefault.Per = 30, time.Hour
	})
	ann := s.SignUp(t)
	token := newAPIToken(ann, tokensPath, "read").Token
	// The right form with another secret: the store has another hash for it.
	execSQL(t, s, "UPDATE api_tokens SET hash = sha256('x') WHERE user_id = $1", ann.User)
	before := remaining(t, ann)
	forged := withToken(t, s, token)
	for range 10 {
		forged.Get(projectsPath).WantProblem(401, "token_revoked")
	}
	if after := remaining(t, ann); before-after != 1 {
		t.Errorf("ann had %d requests left, and has %d", before, after)
	}
	limited := false
	for range 40 {
		if a := forged.Get(projectsPath); a.Status == 429 {
			limited = true
		}
	}
	if !limited {
		t.Error("forged tokens are not limited")
	}
	s.Stop()
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "token_revoked") && strings.Contains(line, ann.User) {
			t.Errorf("a forged token is logged as its user: %s", line)
		}
	}
}

// remaining is how many requests a client has left after one.
func remaining(t *testing.T, c *testkit.Client) int {
	t.Helper()
	left, err := strconv.Atoi(c.Get(mePath).Want(200).Header.Get("X-Ratelimit-Remaining"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}
