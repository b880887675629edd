package body

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// wrapper is a field that distinguishes absent, null and a value.
type wrapper interface {
	// target is a pointer to the value.
	target() any
	// set notes that the value was read.
	set()
	// setNull notes null, and reports whether the field accepts it.
	setNull() bool
}

// Optional is a field that may be absent. Null means absent: serializers of Java,
// Kotlin and C# write null for what is not set.
type Optional[T any] struct {
	value T
	isSet bool
}

func (o *Optional[T]) target() any   { return &o.value }
func (o *Optional[T]) set()          { o.isSet = true }
func (o *Optional[T]) setNull() bool { return true }

// Value is the value; the zero value of an absent field.
func (o Optional[T]) Value() T {
	if !o.isSet {
		var zero T
		return zero
	}
	return o.value
}

// IsSet reports whether the field has a value.
func (o Optional[T]) IsSet() bool { return o.isSet }

// Pointer is the value, or nil without one.
func (o Optional[T]) Pointer() *T {
	if !o.isSet {
		return nil
	}
	return &o.value
}

// Schema is that of the value.
func (Optional[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[T]())
}

// MarshalJSONTo writes the field as a caller would; null, which omitempty leaves out,
// if it has no value. Only examples are written.
func (o Optional[T]) MarshalJSONTo(e *jsontext.Encoder) error {
	if !o.isSet {
		return e.WriteToken(jsontext.Null)
	}
	return json.MarshalEncode(e, o.value)
}

// UnmarshalJSONFrom reads the field of an example.
func (o *Optional[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	o.isSet = d.PeekKind() != 'n'
	return json.UnmarshalDecode(d, &o.value)
}

// Change is a field of a merge patch (RFC 7396) that cannot be removed: null is a
// fault.
type Change[T any] struct{ Optional[T] }

func (c *Change[T]) setNull() bool { return false }

// Nullable is a field of a merge patch for which null means its default.
type Nullable[T any] struct {
	Optional[T]
	null bool
}

func (n *Nullable[T]) setNull() bool {
	n.null = true
	return true
}

// Schema is that of the value, or null.
func (n Nullable[T]) Schema(r huma.Registry) *huma.Schema {
	s := n.Optional.Schema(r)
	s.Nullable = true
	return s
}

// OrDefault is the value, the default for null, or nil for an absent field.
func (n Nullable[T]) OrDefault(value T) *T {
	if n.null {
		return &value
	}
	return n.Pointer()
}
