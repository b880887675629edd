package httpapi

import (
	"strings"

	"github.com/maypok86/otter/v2"

	"github.com/codegenapp/codegenapp/internal/cache"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// maxLocations bounds the locations, which take about 100 bytes each.
const maxLocations = 1 << 16

// locations remembers the project of each specification and item that a response has
// shown. A location never changes, so the memory of a replica needs no invalidation.
//
// It decides what a request reads or writes, as a scope of the cache. A read whose
// project is unknown depends on all that its user has; a write whose project is
// unknown changes all of that.
type locations struct {
	projects *otter.Cache[[16]byte, requirements.ProjectID]
}

func newLocations() *locations {
	return &locations{otter.Must(&otter.Options[[16]byte, requirements.ProjectID]{MaximumSize: maxLocations})}
}

// learn takes the locations from the response of an operation.
func (l *locations) learn(response any) {
	switch out := response.(type) {
	case *specificationOut:
		l.learnSpecification(out.Body)
	case *createSpecificationOut:
		l.learnSpecification(out.Body)
	case *specificationsOut:
		for _, s := range out.Body.Specifications {
			l.projects.SetIfAbsent(s.ID, s.ProjectID)
		}
	case *itemOut:
		l.learnItems(out.Body)
	case *changedItemOut:
		l.learnItems(out.Body)
	case *createItemOut:
		l.learnItems(out.Body)
	case *itemsOut:
		l.learnItems(out.Body.Items...)
	}
}

func (l *locations) learnSpecification(s specification) {
	l.projects.SetIfAbsent(s.ID, s.ProjectID)
	l.learnItems(s.Items...)
}

// learnItems learns items of one specification, if its project is known.
func (l *locations) learnItems(items ...item) {
	if len(items) == 0 {
		return
	}
	project, known := l.projects.GetIfPresent(items[0].SpecID)
	for _, i := range items {
		if known {
			l.projects.SetIfAbsent(i.ID, project)
		}
	}
}

// learnScope learns the location of a path from the scope of its cached response.
func (l *locations) learnScope(path string, scope cache.Scope) {
	kind, name := resourceOf(path)
	if kind == "projects" || name == "" {
		return
	}
	thing, err := id.Parse[any](name)
	if _, known := l.projects.GetIfPresent(thing); known || err != nil {
		return
	}
	if project, err := id.Parse[requirements.Project](string(scope)); err == nil {
		l.projects.Set(thing, project)
	}
}

// resourceOf returns the collection and the id of a path below the prefix; the id is
// empty for the collection.
func resourceOf(path string) (kind, name string) {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(path, prefix+"/"), "/")
	name, _, _ = strings.Cut(rest, "/")
	return kind, name
}

// scope returns what the content at a path belongs to.
func (l *locations) scope(path string) cache.Scope {
	kind, name := resourceOf(path)
	if kind == "users" || kind == "projects" && name == "" {
		return cache.Lists
	}
	thing, err := id.Parse[any](name)
	if err != nil {
		return cache.All
	}
	if kind == "projects" {
		return cache.Scope(thing.String()) // the path may be in upper case
	}
	if project, known := l.projects.GetIfPresent(thing); known {
		return cache.Scope(project.String())
	}
	return cache.All
}

// written returns the scopes that a write changes. The list of projects shows
// their fields, and how many specifications they have.
func (l *locations) written(route route, path string) []cache.Scope {
	scope := l.scope(path)
	counts := strings.HasPrefix(route.path, prefix+"/projects") ||
		route.path == prefix+"/specs/{id}/restore" || route.pattern == "DELETE "+prefix+"/specs/{id}"
	if counts && scope != cache.All && scope != cache.Lists {
		return []cache.Scope{scope, cache.Lists}
	}
	return []cache.Scope{scope}
}

// writesContent reports whether an operation changes what cached responses show. What
// ends sessions or changes rights is invalidated by package auth.
func writesContent(method, path string) bool {
	kind, _ := resourceOf(path)
	return kind == "projects" || kind == "specs" || kind == "items" || path == prefix+"/users/me" && method == "PATCH"
}
