package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestProblem_EveryKindHasStatus(t *testing.T) {
	t.Parallel()
	seen := map[int]problem.Kind{}
	for kind := problem.KindInternal; kind <= problem.KindUnavailable; kind++ {
		status, ok := statuses[kind]
		if !ok || status < 400 || http.StatusText(status) == "" {
			t.Errorf("kind %d has the status %d", kind, status)
		}
		if other, ok := seen[status]; ok {
			t.Errorf("kinds %d and %d share the status %d", kind, other, status)
		}
		seen[status] = kind
	}
	if len(statuses) != len(seen) {
		t.Errorf("there are %d statuses for %d kinds; is KindUnavailable still the last kind?", len(statuses), len(seen))
	}
}

// contractStatuses is the table of errors of the contract.
var contractStatuses = map[int][]problem.Code{
	400: {
		"malformed_request", "malformed_json", "invalid_parameter", "invalid_page_token", "invalid_header",
	},
	401: {
		"token_missing", "token_invalid", "token_expired", "token_revoked", "google_token_invalid",
		"refresh_token_invalid", "refresh_token_expired", "refresh_token_reused",
	},
	403: {"permission_denied", "insufficient_scope", "account_suspended", "email_not_verified", "domain_not_allowed", "csrf_rejected", "https_required", "invitation_for_another"},
	404: {
		"project_not_found", "specification_not_found", "item_not_found", "session_not_found", "user_not_found", "route_not_found", "revision_not_found", "baseline_not_found",
		"token_not_found", "bot_not_found", "member_not_found", "invitation_not_found",
	},
	405: {"method_not_allowed"},
	408: {"request_timeout"}, // the table does not have it; see the header timeouts of the design
	409: {
		"project_limit_reached", "specification_limit_reached", "item_limit_reached", "item_set_mismatch", "idempotency_in_progress", "baseline_exists", "baseline_needs_history", "undo_conflict",
		"token_limit_reached", "bot_limit_reached", "already_member", "member_limit_reached", "membership_limit_reached", "invitation_limit_reached", "members_lose_access",
	},
	410: {"history_expired", "invitation_expired"},
	412: {"precondition_failed"},
	413: {"body_too_large"},
	415: {"unsupported_media_type"},
	422: {"validation_failed", "idempotency_key_reused"},
	429: {"rate_limited", "too_many_streams"},
	431: {"headers_too_large"}, // the table does not have it; every server has the limit
	500: {"internal"},
	503: {"unavailable"},
}

func TestProblem_EveryCodeHasStatusOfContract(t *testing.T) {
	t.Parallel()
	want, got := map[problem.Code]int{}, map[problem.Code]int{}
	for status, codes := range contractStatuses {
		for _, code := range codes {
			want[code] = status
		}
	}
	for _, code := range problem.Codes() {
		got[code] = statusOf(code)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-contract +code):\n%s", diff)
	}
	if got := statusOf("no_such_code"); got != 500 {
		t.Errorf("an unknown code has the status %d", got)
	}
}

func TestProblem_HasMembersAndChallenge(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/api/v1/x%20y?z=1", http.NoBody)
	for _, code := range problem.Codes() {
		p := problemOf(r, fmt.Errorf("do it: %w", problem.New(code, "A sentence.").Because(errors.New("canary"))))
		want := problemDetails{
			Type: "/problems/" + string(code), Title: code.Doc().Title, Status: statusOf(code), Detail: "A sentence.",
			Instance: "/api/v1/x%20y", Code: string(code),
		}
		got := *p
		got.headers, got.cause = nil, nil
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(problemDetails{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", code, diff)
		}
		if challenge := p.headers.Get("WWW-Authenticate"); strings.HasPrefix(challenge, "Bearer realm=") != (p.Status == 401) {
			t.Errorf("%s has the challenge %q", code, challenge)
		}
	}
}

func TestProblem_UnclassifiedErrorStaysPrivate(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	p := problemOf(r, errors.New("canary"))
	body, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if p.Status != 500 || p.Code != "internal" || bytes.Contains(body, []byte("canary")) || strings.Contains(fmt.Sprint(p.headers), "canary") {
		t.Errorf("problem %s with the headers %v", body, p.headers)
	}
	if p.Error() != "canary" {
		t.Errorf("the log has %q", p.Error())
	}
}

func TestContract_RoutesAndOperationsMatch(t *testing.T) {
	t.Parallel()
	a, _ := New(Config{Telemetry: Telemetry{Now: time.Now}})
	routed := map[string]*huma.Operation{}
	for path, item := range a.huma.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{
			"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete,
			"HEAD": item.Head, "OPTIONS": item.Options, "TRACE": item.Trace,
		} {
			if op != nil {
				routed[method+" "+path] = op
			}
		}
	}
	for pattern, op := range a.operations {
		described, ok := routed[pattern]
		if !ok {
			t.Errorf("the contract lacks %s", pattern)
			continue
		}
		if described.OperationID == "" || described.Summary == "" || described.Description == "" || described.Tags[0] == "" {
			t.Errorf("%s lacks an id, a summary, a description or a tag: %+v", pattern, described)
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(described.Responses)), func(status string) bool { return status[0] == '4' }) {
			t.Errorf("%s documents no client error", pattern)
		}
		if strings.Contains(pattern, "{id}") != (op.missing != "") {
			t.Errorf("%s documents %q for its path id", pattern, op.missing)
		}
		for _, code := range append(slices.Clone(op.problems), op.missing) {
			if code != "" && !slices.Contains(problem.Codes(), code) {
				t.Errorf("%s responds with %s, which is not a code", pattern, code)
			}
		}
		tags := a.huma.OpenAPI().Tags
		if !slices.ContainsFunc(tags, func(tag *huma.Tag) bool { return tag.Name == described.Tags[0] }) {
			t.Errorf("%s has the tag %v, which the contract does not define", pattern, described.Tags)
		}
		delete(routed, pattern)
	}
	for pattern := range routed {
		t.Errorf("the contract has %s, routes.go has not", pattern)
	}
}
