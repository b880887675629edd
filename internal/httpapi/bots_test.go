package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestBots_WorkForTheirPerson(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withAdmin)
	admin, ann, ben := s.SignIn(t, adminEmail), s.SignUp(t), s.SignUp(t)
	bot := asBot(ann, "write")
	me := bot.Get(mePath).Want(200).JSON()
	if me["id"] != bot.User || me["name"] != "builder" || me["managed_by"] != ann.User || me["email"] != "" || me["role"] != "user" {
		t.Errorf("the bot is %v", me)
	}
	if got := ann.Get(mePath).Want(200).JSON()["managed_by"]; got != nil {
		t.Errorf("a person is managed by %v", got)
	}
	// A bot owns nothing, and sees nothing of its person's.
	p := newProject(ann, "Ann's")
	bot.Get(p.path()).WantProblem(404, "project_not_found")
	if page := listProjects(bot); len(page.Projects) != 0 {
		t.Errorf("the bot has %v", page.Projects)
	}
	bot.Post(projectsPath, withTitle("x")).WantProblem(403, "permission_denied")
	bot.Post(projectsPath, withTitle("x"), keyHeader, "once").WantProblem(403, "permission_denied")
	if got := queryInt(t, s, "SELECT count(*) FROM projects WHERE owner_id = $1", bot.User); got != 0 {
		t.Errorf("the bot owns %d projects", got)
	}
	// Its person alone manages it.
	path := botsPath + "/" + bot.User
	ben.Patch(path, `{"name": "mine"}`).WantProblem(404, "bot_not_found")
	ben.Delete(path).WantProblem(404, "bot_not_found")
	ben.Get(path+"/tokens").WantProblem(404, "bot_not_found")
	ben.Post(path+"/tokens", map[string]any{"name": "x", "scopes": []string{"read"}}).WantProblem(404, "bot_not_found")
	ben.Delete(path+"/tokens/"+tokensOf(ann, path+"/tokens")[0].ID).WantProblem(404, "token_not_found")
	if got := ann.Patch(path, `{"name": "Renamed"}`).Want(200).JSON()["name"]; got != "Renamed" {
		t.Errorf("the name is %v", got)
	}
	ann.Patch(path, `{}`).Want(200)
	ann.Post(path+"/tokens", map[string]any{"name": "x", "scopes": []string{"manage"}}).WantProblem(422, "validation_failed")
	// An admin sees what it is, and gives it no role.
	if users := admin.Get(usersPath + "?q=Renamed").Want(200); !strings.Contains(string(users.Body), `"managed_by":"`+ann.User+`"`) {
		t.Errorf("an admin sees %s", users.Body)
	}
	admin.Patch(usersPath+"/"+bot.User, `{"role": "admin"}`).WantProblem(403, "permission_denied")
}

func TestBots_EndAtOnce(t *testing.T) {
	t.Parallel()
	shared := testkit.StartShared(t, withAdmin)
	other := shared.Replica(t, withAdmin)
	admin := shared.SignIn(t, adminEmail)
	for name, end := range map[string]func(ann, bot *testkit.Client){
		"the token is revoked": func(ann, bot *testkit.Client) {
			path := botsPath + "/" + bot.User + "/tokens"
			ann.Delete(path + "/" + tokensOf(ann, path)[0].ID).Want(204)
		},
		"the bot is deleted":      func(ann, bot *testkit.Client) { ann.Delete(botsPath + "/" + bot.User).Want(204) },
		"the person is deleted":   func(ann, _ *testkit.Client) { ann.Delete(mePath).Want(204) },
		"the bot is suspended":    func(_, bot *testkit.Client) { admin.Patch(usersPath+"/"+bot.User, `{"suspended": true}`).Want(200) },
		"the person is suspended": func(ann, _ *testkit.Client) { admin.Patch(usersPath+"/"+ann.User, `{"suspended": true}`).Want(200) },
	} {
		ann := shared.SignUp(t)
		bot := asBot(ann, "read")
		fillCaches(t, []*testkit.Server{shared, other}, mePath, bot)
		stream := bot.At(other).Follow("/api/v1/events")
		end(ann.At(shared), bot)
		for _, s := range []*testkit.Server{shared, other} {
			if a := bot.At(s).Get(mePath); a.Status != 401 {
				t.Errorf("%s: the next request has the status %d", name, a.Status)
			}
		}
		began := time.Now()
		if e, ok := stream.Next(10 * time.Second); !ok || e.Name != "end" || e.Data != `{"reason":"token_revoked"}` || time.Since(began) > maxEndTime {
			t.Errorf("%s: the stream has %+v after %v", name, e, time.Since(began))
		}
		if name == "the person is deleted" {
			if left := queryInt(t, shared, "SELECT count(*) FROM users WHERE id = $1 OR managed_by = $2", bot.User, ann.User); left != 0 {
				t.Errorf("%d users are left", left)
			}
		}
	}
}

// A manage token makes bots, but no credentials of its own user.
func TestBots_ManageTokenIsNoSession(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	manager := withAPIToken(ann, "manage")
	bot := newBot(manager, "builder")
	newAPIToken(manager, botsPath+"/"+bot+"/tokens", "write")
	manager.Get(tokensPath).WantProblem(403, "insufficient_scope")
	self := botsPath + "/" + ann.User
	manager.Get(self+"/tokens").WantProblem(404, "bot_not_found")
	manager.Post(self+"/tokens", map[string]any{"name": "x", "scopes": []string{"write"}}).WantProblem(404, "bot_not_found")
	manager.Delete(self+"/tokens/"+tokensOf(ann, tokensPath)[0].ID).WantProblem(404, "token_not_found")
	manager.Delete(self).WantProblem(404, "bot_not_found")
	manager.Patch(self, `{"name": "x"}`).WantProblem(404, "bot_not_found")
	if all := tokensOf(ann, tokensPath); len(all) != 1 {
		t.Errorf("there are %d tokens", len(all))
	}
}
