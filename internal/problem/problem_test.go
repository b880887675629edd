package problem_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestProblems_EveryCodeHasDoc(t *testing.T) {
	t.Parallel()
	seen := map[string]problem.Code{}
	for _, code := range problem.Codes() {
		m := code.Doc()
		if m.Title == "" || m.Description == "" || m.Remedy == "" {
			t.Errorf("%s lacks a title, what happened, or what to do", code)
		}
		if other, ok := seen[m.Title]; ok {
			t.Errorf("%s and %s have the same title %q", code, other, m.Title)
		}
		seen[m.Title] = code
	}
}

func TestProblems_UnclassifiedErrorsAreInternal(t *testing.T) {
	t.Parallel()
	if got := problem.CodeOf(errors.New("connection refused")); got != problem.Internal {
		t.Errorf("CodeOf(plain error) = %s, want internal", got)
	}
	wrapped := fmt.Errorf("read project: %w", problem.New(problem.ProjectNotFound, "There is no such project."))
	if got := problem.CodeOf(wrapped); got != problem.ProjectNotFound {
		t.Errorf("CodeOf(wrapped) = %s, want project_not_found", got)
	}
}

func TestProblems_CauseIsOnlyLogged(t *testing.T) {
	t.Parallel()
	cause := errors.New("SQLSTATE 08006")
	err := problem.New(problem.Unavailable, "Try again later.").Because(cause)
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if err.Detail != "Try again later." {
		t.Errorf("the detail took something from the cause: %q", err.Detail)
	}
}

func TestProblems_DefineRejectsExistingCode(t *testing.T) {
	t.Parallel()
	before := len(problem.Codes())
	defer func() {
		if recover() == nil || len(problem.Codes()) != before {
			t.Error("a code can be defined twice")
		}
	}()
	problem.Define(problem.Internal, problem.Doc{Title: "Another"})
}
