package members

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

func TestParseNewInvitation_AcceptsRolesAndAddresses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		role  string
		email *string
		want  string
	}{
		"an editor":               {role: "editor", want: "editor <nil>"},
		"a viewer":                {role: "viewer", want: "viewer <nil>"},
		"an address":              {role: "viewer", email: new("ben@example.com"), want: "viewer ben@example.com"},
		"in upper case":           {role: "viewer", email: new("BEN@Example.COM"), want: "viewer ben@example.com"},
		"blanks around":           {role: "viewer", email: new(" ben@example.com\n"), want: "viewer ben@example.com"},
		"the longest":             {role: "viewer", email: new("a@" + strings.Repeat("b", 252)), want: "viewer a@" + strings.Repeat("b", 252)},
		"an owner":                {role: "owner", want: "/role not_allowed"},
		"no role":                 {role: "", want: "/role not_allowed"},
		"a role in upper case":    {role: "Editor", want: "/role not_allowed"},
		"one character too many":  {role: "viewer", email: new("a@" + strings.Repeat("b", 253)), want: "/email too_long"},
		"no address":              {role: "viewer", email: new("ben"), want: "/email wrong_format"},
		"an empty address":        {role: "viewer", email: new(""), want: "/email wrong_format"},
		"no local part":           {role: "viewer", email: new("@example.com"), want: "/email wrong_format"},
		"no domain":               {role: "viewer", email: new("ben@"), want: "/email wrong_format"},
		"two signs":               {role: "viewer", email: new("ben@a@b"), want: "/email wrong_format"},
		"a blank within":          {role: "viewer", email: new("ben b@example.com"), want: "/email wrong_format"},
		"a line break within":     {role: "viewer", email: new("ben\n@example.com"), want: "/email wrong_format"},
		"a control character":     {role: "viewer", email: new("ben@example.com\x00"), want: "/email wrong_format"},
		"both fields are invalid": {role: "x", email: new("x"), want: "/role not_allowed, /email wrong_format"},
	} {
		n, faults := ParseNewInvitation(tc.role, tc.email)
		got := fmt.Sprint(n.role, " ", n.email)
		if n.email != nil {
			got = fmt.Sprint(n.role, " ", *n.email)
		}
		if len(faults) > 0 {
			var all []string
			for _, f := range faults {
				all = append(all, f.Pointer+" "+f.Code)
			}
			got = strings.Join(all, ", ")
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestSecret_HasItsFormAndIsNew(t *testing.T) {
	t.Parallel()
	form, seen := regexp.MustCompile(`^cgi_[0-9a-zA-Z]{39}$`), map[string]bool{}
	for range 1000 {
		secret := newSecret()
		if !form.MatchString(secret) || seen[secret] {
			t.Fatalf("secret %q", secret)
		}
		seen[secret] = true
	}
}

func TestOutcome_EachHasItsProblem(t *testing.T) {
	t.Parallel()
	want := map[Outcome]problem.Code{
		Missing: problem.InvitationNotFound, ForAnother: problem.InvitationForAnother, AlreadyMember: problem.AlreadyMember,
		Used: problem.InvitationExpired, Withdrawn: problem.InvitationExpired, Expired: problem.InvitationExpired,
		ProjectFull: problem.MemberLimit, UserFull: problem.MembershipLimit, "invented": problem.Internal,
	}
	got, details := map[Outcome]problem.Code{}, map[string]bool{}
	for o := range want {
		err := o.problem(Limits{PerProject: 50, PerUser: 1000})
		got[o] = problem.CodeOf(err)
		details[err.Error()] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	if len(details) != len(want) {
		t.Errorf("%d outcomes have %d texts", len(want), len(details))
	}
	if err := Accepted.problem(Limits{}); err != nil {
		t.Errorf("an acceptance is %v", err)
	}
}

func TestCheckOwner_RejectsEveryOtherRole(t *testing.T) {
	t.Parallel()
	for role, want := range map[requirements.Role]problem.Code{
		requirements.RoleEditor: problem.PermissionDenied, requirements.RoleViewer: problem.PermissionDenied, "": problem.PermissionDenied,
	} {
		if got := problem.CodeOf(checkOwner(requirements.Project{Role: role})); got != want {
			t.Errorf("%q: %s, want %s", role, got, want)
		}
	}
	if err := checkOwner(requirements.Project{Role: requirements.RoleOwner}); err != nil {
		t.Errorf("the owner: %v", err)
	}
}
