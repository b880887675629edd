package httpapi_test

import (
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// A bot works on the projects that it is a member of, under its own name, and on nothing
// else.
func TestMembers_BotWorksOnItsProjects(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withAdmin)
	ann, bob, admin := s.SignUp(t), s.SignUp(t), s.SignIn(t, adminEmail)
	spec, hidden := newSpec(ann, "one"), newSpec(ann, "hidden")
	bot, strange := asBot(ann, "write"), newBot(bob, "of bob")
	members := projectsPath + "/" + spec.ProjectID + "/members"

	bot.Get(spec.path()).WantProblem(404, "specification_not_found")
	ann.Post(members, map[string]any{"bot_id": strange, "role": "editor"}).WantProblem(404, "bot_not_found")
	ann.Post(members, map[string]any{"bot_id": bob.User, "role": "editor"}).WantProblem(404, "bot_not_found")
	bob.Post(members, map[string]any{"bot_id": strange, "role": "editor"}).WantProblem(404, "project_not_found")
	ann.Post(members, map[string]any{"bot_id": bot.User, "role": "owner"}).WantProblem(422, "validation_failed")
	added := ann.Post(members, map[string]any{"bot_id": bot.User, "role": "editor"}).Want(201).JSON()
	if user := added["user"].(map[string]any); user["type"] != "bot" || user["id"] != bot.User || added["role"] != "editor" {
		t.Errorf("the new member is %v", added)
	}
	ann.Post(members, map[string]any{"bot_id": bot.User, "role": "viewer"}).WantProblem(409, "already_member")

	item := newBullet(bot, spec, "by a bot")
	bot.Get(hidden.path()).WantProblem(404, "specification_not_found")
	bot.Post(projectsPath, withTitle("x")).WantProblem(403, "permission_denied")
	actor := ann.Get(projectsPath + "/" + spec.ProjectID + "/changes?page_size=1").Want(200).JSON()["changes"].([]any)[0].(map[string]any)["actor"].(map[string]any)
	if actor["id"] != bot.User || actor["type"] != "bot" || actor["name"] != "builder" || actor["token"] == nil {
		t.Errorf("the change of the bot has the actor %v", actor)
	}
	seen := bot.Get(projectsPath + "/" + spec.ProjectID + "/changes?page_size=1").Want(200).JSON()["changes"].([]any)[0].(map[string]any)["actor"].(map[string]any)
	if seen["token"] == nil || seen["type"] != "bot" {
		t.Errorf("the bot sees the actor %v", seen)
	}
	if listed := ann.Get(members).Want(200).JSON()["members"].([]any); len(listed) != 2 || listed[1].(map[string]any)["user"].(map[string]any)["type"] != "bot" {
		t.Errorf("the members are %v", listed)
	}

	admin.Patch(usersPath+"/"+ann.User, `{"suspended": true}`).Want(200)
	bot.Get(item.path()).WantProblem(401, "token_revoked")
	admin.Patch(usersPath+"/"+ann.User, `{"suspended": false}`).Want(200)
	ann = signInAgain(t, s, "user-1@example.com")
	ann.Delete(members + "/" + bot.User).Want(204)
	bot.Get(item.path()).WantProblem(404, "item_not_found")
	ann.Post(members, map[string]any{"bot_id": bot.User, "role": "viewer"}).Want(201)
	bot.Get(item.path()).Want(200)
	bot.Patch(item.path(), `{"content": "x"}`).WantProblem(403, "permission_denied")
	ann.Delete(botsPath + "/" + bot.User).Want(204)
	bot.Get(item.path()).WantProblem(401, "token_revoked")
}
