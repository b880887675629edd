package app

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/identity"
	"github.com/codegenapp/codegenapp/internal/outline"
)

// PanicAtProjects lets every list of projects end in a panic with v.
func (a *App) PanicAtProjects(v any) {
	a.api.Outline = outline.NewService(panicking{v: v}, outline.Limits{})
}

type panicking struct {
	outline.Store

	v any
}

func (p panicking) Projects(context.Context, identity.Actor, outline.ListQuery) ([]outline.Project, error) {
	panic(p.v)
}
