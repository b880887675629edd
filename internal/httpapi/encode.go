package httpapi

import (
	"io"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// jsonOptions escape "<", ">" and "&", so that a front end that puts a response into
// a page by mistake does not run a script in it. Equal responses are equal bytes, also
// where they have maps.
var jsonOptions = json.JoinOptions(jsontext.EscapeForHTML(true), json.Deterministic(true))

// jsonFormat writes responses for huma, value by value: a list is never in memory as a
// whole. huma reads no bodies (see [JSONIn]).
var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		return json.MarshalWrite(w, v, jsonOptions)
	},
	Unmarshal: func(data []byte, v any) error { return json.Unmarshal(data, v) },
}

// timestamp is a time as the contract writes it: RFC 3339 in UTC with microseconds,
// always six digits.
type timestamp time.Time

// AppendText writes the time. JSON encoding uses it.
func (t timestamp) AppendText(b []byte) ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z"), nil
}

// MarshalText writes the time.
func (t timestamp) MarshalText() ([]byte, error) { return t.AppendText(make([]byte, 0, 27)) }

// UnmarshalText reads the time of an example.
func (t *timestamp) UnmarshalText(text []byte) error { return (*time.Time)(t).UnmarshalText(text) }

// Schema documents the form.
func (timestamp) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Format: "date-time",
		Description: "RFC 3339 in UTC with microseconds.", Examples: []any{"2026-11-22T17:12:10.123456Z"},
	}
}

// timestampOf is the timestamp of a time that may be nil.
func timestampOf(t *time.Time) *timestamp {
	if t == nil {
		return nil
	}
	return new(timestamp(*t))
}

// each converts every element.
func each[From, To any](from []From, convert func(From) To) []To {
	to := make([]To, len(from))
	for n, f := range from {
		to[n] = convert(f)
	}
	return to
}
