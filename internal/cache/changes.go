package cache

import (
	"context"
	"strings"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

// Listen calls changed when another replica has ended a write of a user, or the sessions
// of a user, until ctx is done. The names include the ids of the projects; none
// means that any may have changed. The script publishes the notification in the call that ends the
// write, so it costs no call of its own. Notifications get lost while Redis is away, and
// writes without a mark have none.
func (r *Redis) Listen(ctx context.Context, user auth.UserID, changed func(names ...string)) {
	r.redis.Subscribe(ctx, ratelimit.KeyOf(userKey(user), "changes"), func(message string) {
		if replica, scopes, _ := strings.Cut(message, " "); replica != r.trust.nonce {
			changed(Changed(split(scopes, " "))...)
		}
	})
}

// Changed returns the names of what a write to some scopes may have changed; none if that
// is anything of the user. Among the names are the ids of the projects.
func Changed(scopes []Scope) (names []string) {
	for _, scope := range scopes {
		if scope == All {
			return nil
		}
		names = append(names, strings.TrimPrefix(string(scope), string(ListsOf)))
	}
	return names
}
