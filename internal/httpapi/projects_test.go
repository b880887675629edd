package httpapi_test

import (
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestAProjectIsCreatedAndSeenAgain(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	made := ann.Post("/api/v1/projects", map[string]any{"title": " Invoices "}).Want(201)
	if got := made.Header.Get("ETag"); got != `"1"` {
		t.Errorf("ETag = %s", got)
	}
	again := ann.Get(made.Header.Get("Location")).Want(200)
	if string(again.Body) != string(made.Body) {
		t.Errorf("read %s, created %s", again.Body, made.Body)
	}
}
