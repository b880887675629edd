package httpapi

import (
	"testing"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/page"
)

func TestPages_ScopeCoversWholeQuery(t *testing.T) {
	t.Parallel()
	ann, bob := auth.Actor{User: id.New[auth.User]()}, auth.Actor{User: id.New[auth.User]()}
	seen := map[string]string{}
	for user, actor := range map[string]auth.Actor{"ann": ann, "bob": bob} {
		for _, list := range []string{"projects", "specifications"} {
			for _, column := range []page.Column{page.ByCreatedAt, page.ByUpdatedAt, page.ByTitle} {
				for _, flags := range []struct{ descending, trashed bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
					scope := pageScope(actor, list, page.Order{Column: column, Descending: flags.descending}, flags.trashed)
					name := user + " " + list + " " + string(column)
					if other, ok := seen[scope]; ok {
						t.Errorf("%s and %s have the scope %s", name, other, scope)
					}
					seen[scope] = name
				}
			}
		}
	}
}
