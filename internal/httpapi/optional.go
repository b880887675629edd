package httpapi

import (
	"bytes"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// optional is a field of a request body that distinguishes absent, null and a value.
// A value of the wrong type leaves it without a value: the schema has reported it
// already, and the other fields are still to be checked.
//
// huma cannot put a default into it. The rules decide about what is absent; the tag
// absent:"…" documents their default in the contract.
type optional[T any] struct {
	value         T
	ok, null, bad bool
}

// UnmarshalJSONFrom reads the field.
func (o *optional[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	if o.null = raw.Kind() == 'n'; !o.null {
		o.ok = json.Unmarshal(bytes.Clone(raw), &o.value) == nil
		o.bad = !o.ok
	}
	return nil
}

// MarshalJSONTo writes the field as a caller would; null, which omitempty leaves out,
// if it has no value. Only examples are written.
func (o optional[T]) MarshalJSONTo(e *jsontext.Encoder) error {
	if !o.ok {
		return e.WriteToken(jsontext.Null)
	}
	return json.MarshalEncode(e, o.value)
}

// Resolve rejects what the schema accepts: null where it has no meaning, and a value
// that Go's type cannot hold.
func (o *optional[T]) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	if !o.null && !o.bad {
		return nil
	}
	return wrongType(at)
}

func wrongType(at *huma.PathBuffer) []error {
	_, name, _ := strings.Cut(at.String(), ".")
	return []error{problem.Invalid([]problem.FieldError{{
		Pointer: "/" + name, Code: "wrong_type", Detail: "This value is not of the right type.",
	}})}
}

// Schema is that of the value.
func (optional[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[T]())
}

// present reports whether the field is present, whatever its value.
func (o optional[T]) present() bool { return o.ok || o.null || o.bad }

// pointer is the value, or nil without one.
func (o optional[T]) pointer() *T {
	if !o.ok {
		return nil
	}
	return &o.value
}

// nullable is an optional field of a merge patch for which null means its default.
type nullable[T any] struct{ optional[T] }

// Schema is that of the value, or null.
func (n nullable[T]) Schema(r huma.Registry) *huma.Schema {
	s := n.optional.Schema(r)
	s.Nullable = true
	return s
}

// Resolve rejects a value that Go's type cannot hold.
func (n *nullable[T]) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	if !n.bad {
		return nil
	}
	return wrongType(at)
}

// orDefault is the value, the default for null, or nil for an absent field.
func (n nullable[T]) orDefault(value T) *T {
	if n.null {
		return &value
	}
	return n.pointer()
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
