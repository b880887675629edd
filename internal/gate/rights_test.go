package gate

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

var (
	allowedCommands = regexp.MustCompile("newer, with (.*?) allowed")
	quotedCommand   = regexp.MustCompile("`([A-Z]+)`")
)

// An operator allows what docs/operations/redis.md asks for, and no more.
func TestTheRightsThatOperatorsAreToldOfSuffice(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations/redis.md")
	must(t, err)
	list := allowedCommands.FindSubmatch(page)
	if list == nil {
		t.Fatal("docs/operations/redis.md does not say which commands are to be allowed")
	}
	server := newServer(t)
	rule := []string{"ACL", "SETUSER", "service", "on", ">word", "~codegenapp:*", "+@connection"}
	for _, command := range quotedCommand.FindAllSubmatch(list[1], -1) {
		rule = append(rule, "+"+strings.ToLower(string(command[1])))
	}
	run(t, connect(t, server.URL()), rule...)
	url := strings.Replace(server.URL(), "redis://", "redis://service:word@", 1)
	r := believing(t, RedisConfig{URL: url, KeepFor: time.Hour})
	w, ann := held(t, server.URL(), r), reading("ann", newSession(), "/projects")
	ann.Rates = []auth.Rate{rate("default", 100, time.Hour)}
	w.keep(t, ann, answer("old"))
	w.gives(t, ann, answer("old"))
	w.change(t, "ann")
	w.asksAnew(t, ann)
	p, _ := presentAt(r)
	p.Saw("ann")
	p.tell(t.Context())
	if n, err := r.countPresent(t.Context(), p.minute()); n != 1 || err != nil {
		t.Errorf("%d users are active: %v", n, err)
	}
	if got := r.turns.Load(); got != 1 {
		t.Errorf("Redis was taken for lost: turn %d", got)
	}
}
