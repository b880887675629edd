package httpapi_test

import (
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// changedBy is who made a change, as a client reads it.
type changedBy struct {
	Actor struct {
		ID    string  `json:"id"`
		Name  string  `json:"name"`
		Type  string  `json:"type"`
		Token *string `json:"token"`
	} `json:"actor"`
	Kind string `json:"kind"`
}

func TestTokens_HistoryAndEventsNameThem(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	agent := withAPIToken(ann, "write")
	p := newProject(ann, "Mine")
	stream := ann.Follow(streamPath(p.ID))
	newBullet(agent, specProject{ID: p.ID}.add(agent, "by the agent"), "one")
	ann.Patch(p.path(), `{"title": "Renamed"}`).Want(200) // the same connection, without a token
	for _, want := range []string{"agent write", "agent write", ""} {
		by, _ := stream.Want("change")["actor"].(map[string]any)
		if got, _ := by["token"].(string); got != want || by["type"] != "user" || by["id"] != ann.User {
			t.Errorf("an event is of %v, want the token %q", by, want)
		}
	}
	for _, path := range []string{p.path() + "/changes", p.path() + "/changes?since=r0"} {
		var list struct{ Changes []changedBy }
		ann.Get(path).Want(200).Decode(&list)
		for _, c := range list.Changes {
			byToken := strings.HasPrefix(c.Kind, "specification.") || strings.HasPrefix(c.Kind, "item.")
			if (c.Actor.Token != nil) != byToken || c.Actor.Token != nil && *c.Actor.Token != "agent write" {
				t.Errorf("%s is of %+v", c.Kind, c.Actor)
			}
		}
	}
	// The name is gone with the token, and nothing else.
	execSQL(t, s, "DELETE FROM api_tokens WHERE user_id = $1", ann.User)
	var list struct{ Changes []changedBy }
	ann.Get(p.path() + "/changes").Want(200).Decode(&list)
	if len(list.Changes) != 4 || list.Changes[1].Actor.Token != nil || list.Changes[1].Actor.ID != ann.User {
		t.Errorf("the changes are %+v", list.Changes)
	}
}

// A bot in a project of its person: its name and its kind, until it is deleted.
func TestBots_HistoryNamesThem(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	bot := asBot(ann, "write")
	p := newProject(ann, "Mine")
	execSQL(t, s, "UPDATE changes SET actor_id = $2, token_id = (SELECT id FROM api_tokens WHERE user_id = $2) WHERE project_id = $1", p.ID, bot.User)
	first := func() changedBy {
		var list struct{ Changes []changedBy }
		ann.Get(p.path() + "/changes").Want(200).Decode(&list)
		return list.Changes[0]
	}
	if c := first(); c.Actor.Type != "bot" || c.Actor.Name != "builder" || c.Actor.Token == nil || *c.Actor.Token != "agent write" {
		t.Errorf("the change is of %+v", c.Actor)
	}
	ann.Delete(botsPath + "/" + bot.User).Want(204)
	if c := first(); c.Actor.Type != "user" || c.Actor.Name != "" || c.Actor.Token != nil || c.Actor.ID != bot.User {
		t.Errorf("after the deletion the change is of %+v", c.Actor)
	}
}

// The secret of a token is in the response that creates it, and nowhere else.
func TestTokens_SecretIsSeenNowhere(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	s := testkit.StartLogging(t, &log, withAdmin)
	admin, ann := s.SignIn(t, adminEmail), s.SignUp(t)
	agent := withAPIToken(ann, "write")
	p := newProject(agent, "Mine")
	agent.Get(p.path()).Want(200)
	agent.Get(p.path() + "/nothing").Want(404)
	agent.Post(botsPath, `{"name": "x"}`).WantProblem(403, "insufficient_scope")
	agent.Get(mePath+"?token=x", "X-Request-Id", "a").Want(400)
	agent.Follow(streamPath(p.ID)).Close()
	withToken(t, s, agent.Token[:len(agent.Token)-1]+"0").Get(projectsPath)
	for _, path := range []string{
		p.path() + "/changes", tokensPath, eventsPath + "?page_size=100", mePath + "/export?history=true", "/metrics", usersPath, mePath, sessionsPath,
	} {
		c := ann
		if strings.Contains(path, "/admin/") {
			c = admin
		}
		if answer := c.Get(path).Want(200); strings.Contains(string(answer.Body), agent.Token[4:40]) || strings.Contains(string(answer.Body), "cga_") {
			t.Errorf("%s has the secret", path)
		}
	}
	if n := queryInt(t, s, "SELECT count(*) FROM api_tokens AS a WHERE a::text LIKE '%' || $1 || '%'", agent.Token[40:80]); n != 0 {
		t.Error("the table has the secret")
	}
	ann.Delete(tokensPath + "/" + tokensOf(ann, tokensPath)[0].ID).Want(204)
	agent.Get(p.path()).WantProblem(401, "token_revoked")
	s.Stop()
	if strings.Contains(log.String(), "cga_") || strings.Contains(log.String(), agent.Token[4:40]) {
		t.Error("the log has the secret")
	}
}
