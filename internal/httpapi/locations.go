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

// location is where a specification or an item is.
type location struct {
	project requirements.ProjectID
	spec    requirements.SpecificationID
}

// locations remembers the location of each specification and item that a response has
// shown. It decides what a request reads or writes, as scopes of the cache. A read whose
// location is unknown depends on all that its user has; a write whose location is
// unknown changes all of that.
//
// The location of a specification never changes. An item moves within its project, and
// other replicas then have its old location. A move changes the whole project, so no
// response from before it is served. A response from after it goes by the location that it
// shows itself, see API.scopeOf. A write goes by the known location, and marks the other
// one as well if its response shows another, see API.markMoved.
type locations struct {
	known *otter.Cache[[16]byte, location]
}

func newLocations() *locations {
	return &locations{otter.Must(&otter.Options[[16]byte, location]{MaximumSize: maxLocations})}
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
			l.known.SetIfAbsent(s.ID, location{s.ProjectID, s.ID})
		}
	case *itemOut:
		l.learnItems(out.Body)
	case *changedItemOut:
		l.learnItems(out.Body)
	case *createItemOut:
		l.learnItems(out.Body)
	case *itemsOut:
		l.learnItems(out.Body.Items...)
	case *projectItemsOut:
		for _, i := range out.Body.Items {
			at := location{out.project, i.SpecID}
			l.known.SetIfAbsent(i.SpecID, at)
			l.known.Set(i.ID, at)
		}
	}
}

func (l *locations) learnSpecification(s specification) {
	l.known.SetIfAbsent(s.ID, location{s.ProjectID, s.ID})
	l.learnItems(s.Items...)
}

// learnItems learns items of one specification, if its location is known.
func (l *locations) learnItems(items ...item) {
	if len(items) == 0 {
		return
	}
	if at, known := l.known.GetIfPresent(items[0].SpecID); known {
		for _, i := range items {
			l.known.Set(i.ID, at)
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
	if _, known := l.known.GetIfPresent(thing); known || err != nil {
		return
	}
	first, second, _ := strings.Cut(string(scope), ",")
	project, err := id.Parse[requirements.Project](first)
	spec, err2 := id.Parse[requirements.Specification](second)
	if err == nil && err2 == nil {
		l.known.Set(thing, location{project, spec})
	}
}

// resourceOf returns the collection and the id of a path below the prefix; the id is
// empty for the collection.
func resourceOf(path string) (kind, name string) {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(path, prefix+"/"), "/")
	name, _, _ = strings.Cut(rest, "/")
	return kind, name
}

// scope returns what the content at a path depends on. A specification depends on its
// project, too: that may be in the trash. Lists and counters of a project depend on all
// its specifications.
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
		project := cache.Scope(thing.String()) // the path may be in upper case
		return cache.Join(project, cache.ListsOf+project)
	}
	if at, known := l.known.GetIfPresent(thing); known {
		return cache.Join(cache.Scope(at.project.String()), cache.Scope(at.spec.String()))
	}
	return cache.All
}

// written returns the scopes that a write changes. The list of projects shows their
// revisions, which every write of content raises.
func (l *locations) written(route route, path string) []cache.Scope {
	kind, name := resourceOf(path)
	if kind == "users" { // the name of the owner is in each project
		return []cache.Scope{cache.All}
	}
	if kind == "projects" && name == "" {
		return []cache.Scope{cache.Lists}
	}
	thing, err := id.Parse[any](name)
	if err != nil {
		return []cache.Scope{cache.All}
	}
	at, known := l.known.GetIfPresent(thing)
	project := cache.Scope(at.project.String())
	switch {
	case route.path == prefix+"/items/{id}/move" && known: // to another specification of the project
		return []cache.Scope{project, cache.Lists}
	case kind == "projects" && route.path == prefix+"/projects/{id}/specs": // a new one, that no other response shows
		return []cache.Scope{cache.ListsOf + cache.Scope(thing.String()), cache.Lists}
	case kind == "projects":
		return []cache.Scope{cache.Scope(thing.String()), cache.Lists}
	case !known:
		return []cache.Scope{cache.All}
	default:
		return []cache.Scope{cache.Scope(at.spec.String()), cache.ListsOf + project, cache.Lists}
	}
}

// writesContent reports whether an operation changes what cached responses show. What
// ends sessions or changes rights is invalidated by package auth. States of earlier can be
// named by a baseline. No cached response shows members or invitations.
func writesContent(method, path string) bool {
	kind, _ := resourceOf(path)
	if strings.Contains(path, "/members") || strings.Contains(path, "/invitations") {
		return false
	}
	return kind == "projects" || kind == "specs" || kind == "items" || kind == "baselines" || path == prefix+"/users/me" && method == "PATCH"
}
