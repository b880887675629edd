package history

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Point names a state of earlier. Exactly one field is set; the zero Point is now.
type Point struct {
	// Revision is of the project.
	Revision *int64
	// Version is of a specification.
	Version *int64
	// Time means the last revision made at or before it.
	Time *time.Time
	// Baseline is the name of a baseline.
	Baseline *string
}

// PointForms returns the forms of a point, for people.
func PointForms(versions bool) string {
	if versions {
		return "a revision such as r120, a version such as v17, a time such as 2026-11-30T09:30:00Z, or baseline:NAME"
	}
	return "a revision such as r120, a time such as 2026-11-30T09:30:00Z, or baseline:NAME"
}

var pointNumber = regexp.MustCompile(`^[rv](0|[1-9][0-9]{0,17})$`)

// ParsePoint reads a point. Versions are allowed where one specification is meant. It
// returns false if the text has none of the forms.
func ParsePoint(text string, versions bool) (p Point, ok bool) {
	name, isBaseline := strings.CutPrefix(text, "baseline:")
	switch {
	case isBaseline:
		return Point{Baseline: &name}, name != ""
	case pointNumber.MatchString(text):
		number, err := strconv.ParseInt(text[1:], 10, 64)
		if text[0] == 'r' {
			return Point{Revision: &number}, err == nil
		}
		return Point{Version: &number}, err == nil && versions && number > 0
	}
	at, err := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
	return Point{Time: &at}, err == nil && at.Year() >= 0 && at.Year() <= 9999
}

// Text returns a revision as points are written.
func Text(revision int64) string { return "r" + strconv.FormatInt(revision, 10) }

// VersionText returns a version as points are written.
func VersionText(version int64) string { return "v" + strconv.FormatInt(version, 10) }

// Resolved is a point as a revision of its project.
type Resolved struct {
	Project  requirements.ProjectID
	Revision int64
	// Trashed is true if the project is in the trash now, or the specification.
	Trashed bool
	// Version is the present version of the specification; zero for a project.
	Version int64
	// Head is the newest revision, Oldest the oldest one whose state can be read.
	Head, Oldest int64
	// Known is false if the point names nothing: a baseline that does not exist, or a
	// time before the history began.
	Known bool
}

// check returns nil if the state of the revision can be read.
func (r Resolved) check(p Point) error {
	switch {
	case p.Baseline != nil && !r.Known:
		return problem.NotFound(problem.BaselineNotFound)
	case !r.Known || r.Revision < r.Oldest:
		return errExpired()
	case r.Revision > r.Head:
		return problem.New(problem.RevisionNotFound, "The newest revision of the project is r%d.", r.Head)
	}
	return r.checkVersion(p)
}

// checkVersion returns nil unless the point is a version that was never reached.
func (r Resolved) checkVersion(p Point) error {
	if p.Version != nil && *p.Version > r.Version {
		return problem.New(problem.RevisionNotFound, "The newest version of the specification is v%d.", r.Version)
	}
	return nil
}

func errExpired() error {
	return problem.New(problem.HistoryExpired, "The history before this was deleted, so the state of then cannot be reconstructed.")
}

// TooFarBack returns the error of a state that is more than MaxRewound changes ago, with
// the oldest revision that is not.
func TooFarBack(oldest int64) error {
	return problem.New(problem.InvalidParameter,
		"This state is more than %d changes ago. The oldest that one request can read now is r%d; a smaller page reaches further.", MaxRewound, oldest)
}
