package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// mayBeEmpty are the parameters for which an empty value means absent.
var mayBeEmpty = []string{"page_token", "q"}

// checkQuery checks the query parameters and names all that are wrong with them. It
// ignores unknown ones if the operation is lenient.
func checkQuery(r *http.Request, op *huma.Operation, o operation) error { //nolint:gocognit // one check after the other
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return problem.New(problem.InvalidParameter, "The query string is not well encoded.").Because(err)
	}
	known := queryParameters(op)
	var unknown, faults []string
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if known[name].Required && values[name] == nil {
			faults = append(faults, "The query parameter "+name+" is missing.")
		}
	}
	upper := false
	// Sorted, so that equal requests get equal responses.
	for _, name := range slices.Sorted(maps.Keys(values)) {
		p := known[name]
		switch {
		case p == nil && !o.lenient:
			unknown = append(unknown, strconv.Quote(name))
		case p != nil:
			if isTime(p) { // RFC 3339 allows t and z; huma does not
				values[name][0], upper = strings.ToUpper(values[name][0]), true
			}
			if fault := parameterFault(p, values[name], name == o.anyText); fault != "" {
				faults = append(faults, "The query parameter "+name+" "+fault+".")
			}
		}
	}
	if unknown != nil {
		faults = append([]string{noParameter(unknown, slices.Sorted(maps.Keys(known)))}, faults...)
	}
	if faults != nil {
		return problem.New(problem.InvalidParameter, "%s", strings.Join(faults, " "))
	}
	if upper {
		r.URL.RawQuery = values.Encode()
	}
	return nil
}

// queryParameters are the query parameters of an operation by name.
func queryParameters(op *huma.Operation) map[string]*huma.Param {
	known := map[string]*huma.Param{}
	for _, p := range op.Parameters {
		if p.In == "query" {
			known[p.Name] = p
		}
	}
	return known
}

func isTime(p *huma.Param) bool { return p.Schema != nil && p.Schema.Format == "date-time" }

// noParameter says which parameters an operation does not have, and which it has.
func noParameter(unknown, known []string) string {
	sentence := "This operation has no query parameter " + strings.Join(unknown, ", ")
	if len(known) == 0 {
		return sentence + "; it has none at all."
	}
	return sentence + "; it has " + strings.Join(known, ", ") + "."
}

// parameterFault says what is wrong with the values of a parameter; empty if nothing
// is. It reads the schema as huma does, which says less to the caller.
func parameterFault(p *huma.Param, values []string, anyText bool) string {
	value := values[0]
	switch {
	case len(values) > 1:
		return fmt.Sprintf("occurs %d times", len(values))
	// PostgreSQL does not accept it as text. A page token is checked when it is opened.
	case p.Name != "page_token" && !anyText && (!utf8.ValidString(value) || strings.ContainsRune(value, 0)):
		return "must be UTF-8 text without NUL"
	case value == "" && !p.Required && slices.Contains(mayBeEmpty, p.Name):
		return ""
	case value == "":
		return "is empty"
	}
	s := p.Schema
	switch {
	case s == nil:
		return ""
	case s.Type == huma.TypeInteger:
		return integerFault(s, value)
	case s.Type == huma.TypeBoolean && value != "true" && value != "false":
		return "must be true or false"
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, any(value)):
		return "must be one of: " + strings.Join(each(s.Enum, func(v any) string { return fmt.Sprint(v) }), ", ")
	case s.MaxLength != nil && utf8.RuneCountInString(value) > *s.MaxLength:
		return fmt.Sprintf("must have at most %d characters", *s.MaxLength)
	case s.Format == "uuid":
		if _, err := id.Parse[any](value); err != nil {
			return "must be an id: a UUID with hyphens"
		}
	case isTime(p):
		return timeFault(value)
	}
	return ""
}

// integerFault says what is wrong with a whole number that has a range.
func integerFault(s *huma.Schema, value string) string {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || s.Minimum != nil && float64(n) < *s.Minimum || s.Maximum != nil && float64(n) > *s.Maximum {
		fault := "must be a whole number"
		if s.Minimum != nil && s.Maximum != nil {
			fault += fmt.Sprintf(" from %g to %g", *s.Minimum, *s.Maximum)
		}
		return fault
	}
	return ""
}

// timeFault says what is wrong with a time.
func timeFault(value string) string {
	const sentence = "must be a time after RFC 3339, such as 2026-11-22T17:12:10Z"
	switch _, err := time.Parse(time.RFC3339Nano, value); {
	case err == nil:
		return ""
	case strings.Contains(value, " "): // what the plus sign of an offset becomes
		return sentence + "; in a query, the plus sign of an offset is written %2B"
	default:
		return sentence
	}
}
