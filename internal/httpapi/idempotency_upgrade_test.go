package httpapi_test

import (
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

// An upgrade happens between a request and its retry: the row of the key is
// rewritten as another release would have written it.
func TestIdempotency_RowsOfOlderReleasesAreReplayed(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	const format = `regexp_replace(answer, '"Format":1,|"SpecificationNumber":\d+,', '', 'g')`
	for name, creation := range races.Creations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann, conn := s.SignUp(t), superuserConn(t, s)
			path, body := creation(ann)
			first := ann.Post(path, body, keyHeader, "k")
			first.Want(201)
			row := queryOne[string](t, conn, "SELECT answer FROM idempotency_keys WHERE owner_id = $1", ann.User)
			if !strings.HasPrefix(row, `{"Format":1,"ID":"`) || !strings.Contains(row, `"Owner":"`) {
				t.Fatalf("the row is %s", row)
			}
			execOn(t, conn, "UPDATE idempotency_keys SET answer = "+format+" WHERE owner_id = $1", ann.User)
			races.WantReplay(t, first, ann.Post(path, body, keyHeader, "k"))
			// A newer release of the same format has one more field.
			execOn(t, conn, `UPDATE idempotency_keys SET answer = '{"Format":1,"Invented":{"x":[1]},' || substr(answer, 2) WHERE owner_id = $1`, ann.User)
			races.WantReplay(t, first, ann.Post(path, body, keyHeader, "k"))
		})
	}
}

// A release that does not know a field leaves it out of the row. The response
// has the field nevertheless, because the contract requires it. The test client
// checks each response against the contract.
func TestIdempotency_RowWithoutFieldAnswersPerContract(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, conn := s.SignUp(t), superuserConn(t, s)
	const path, body = "/api/v1/projects", `{"title": "x", "description": "y"}`
	first := ann.Post(path, body, keyHeader, "k").Want(201)
	execOn(t, conn, `UPDATE idempotency_keys SET answer = (answer::jsonb - 'Description')::text WHERE owner_id = $1`, ann.User)
	again := ann.Post(path, body, keyHeader, "k").Want(201)
	want, got := projectOf(first), projectOf(again)
	want.Description = ""
	if got != want || again.Header.Get(replayHeader) != "true" || again.Header.Get("Location") != first.Header.Get("Location") {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestIdempotency_NewerFormatIsUnavailable(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, conn := s.SignUp(t), superuserConn(t, s)
	const path, body = "/api/v1/projects", `{"title": "x"}`
	first := ann.Post(path, body, keyHeader, "k")
	first.Want(201)
	const setFormat = `UPDATE idempotency_keys SET answer = regexp_replace(answer, '"Format":\d+', '"Format":' || $2::int) WHERE owner_id = $1`
	execOn(t, conn, setFormat, ann.User, 2)
	answer := ann.Post(path, body, keyHeader, "k")
	answer.WantProblem(503, "unavailable")
	if answer.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	execOn(t, conn, setFormat, ann.User, 1)
	races.WantReplay(t, first, ann.Post(path, body, keyHeader, "k"))
}
