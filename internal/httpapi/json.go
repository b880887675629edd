package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// maxDepth is how deep the JSON of a request may be nested.
const maxDepth = 16

// jsonOptions: "<", ">" and "&" are escaped, so that no front end that puts an
// answer into a page by mistake runs what somebody wrote. The same answer is the
// same bytes each time, also where it has names that are no fields.
var jsonOptions = json.JoinOptions(jsontext.EscapeForHTML(true), json.Deterministic(true))

// jsonFormat reads and writes JSON for huma. It is strict by its library:
// exactly one value, names once and in their case, valid UTF-8, no lone
// surrogates.
var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		return json.MarshalWrite(w, v, jsonOptions)
	},
	Unmarshal: func(data []byte, v any) error {
		if _, first := v.(*any); first { // huma reads each body twice
			if tooDeep(data) {
				return errors.New("malformed_json|The JSON is nested more than 16 levels deep.")
			}
			return describeJSON(json.Unmarshal(data, v, anyNumber))
		}
		return describeJSON(json.Unmarshal(data, v))
	},
}

// anyNumber lets numbers of any size be judged by the schema: one that float64
// cannot hold is well-formed JSON and becomes infinite.
var anyNumber = json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *any) error {
	if d.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	*v, err = strconv.ParseFloat(string(raw), 64)
	if errors.Is(err, strconv.ErrRange) {
		return nil
	}
	return err
}))

// describeJSON says where and what is wrong without repeating the input.
func describeJSON(err error) error {
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case err == nil:
		return nil
	case !ok:
		return err
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("malformed_json|A name occurs twice in one object, near byte %d.", syntax.ByteOffset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("malformed_json|The JSON ends too early.")
	default:
		return fmt.Errorf("malformed_json|The body is not one well-formed JSON value in UTF-8: see byte %d.", syntax.ByteOffset)
	}
}

// tooDeep reports whether data opens more than maxDepth levels. What is not
// JSON is judged by the parser.
func tooDeep(data []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// given is a field of a request body that tells absent, null and a value apart.
// A value of the wrong type leaves it absent: the schema has said so already,
// and the other fields are still to be judged.
type given[T any] struct {
	value         T
	ok, null, bad bool
}

// UnmarshalJSONFrom reads the field.
func (g *given[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	if g.null = raw.Kind() == 'n'; !g.null {
		g.ok = json.Unmarshal(bytes.Clone(raw), &g.value) == nil
		g.bad = !g.ok
	}
	return nil
}

// Resolve refuses what the schema lets pass: null where it has no meaning, and
// a value that Go's type cannot hold.
func (g *given[T]) Resolve(_ huma.Context, place *huma.PathBuffer) []error {
	if !g.null && !g.bad {
		return nil
	}
	return wrongType(place)
}

func wrongType(place *huma.PathBuffer) []error {
	_, name, _ := strings.Cut(place.String(), ".")
	return violationsOf([]problem.FieldError{{Pointer: "/" + name, Code: "wrong_type", Detail: "This value is not of the right type."}}, nil)
}

// Schema is that of the value.
func (g given[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, typeOf[T]())
}

// there tells whether the field is given at all, whatever its value.
func (g given[T]) there() bool { return g.ok || g.null || g.bad }

// pointer is the value, or nil where there is none.
func (g given[T]) pointer() *T {
	if !g.ok {
		return nil
	}
	return &g.value
}

// timestamp is a time as the contract writes it: RFC 3339 in UTC with
// microseconds, always six digits.
type timestamp time.Time

// AppendText writes the time; JSON is written by it.
func (t timestamp) AppendText(b []byte) ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z"), nil
}

// MarshalText writes the time.
func (t timestamp) MarshalText() ([]byte, error) { return t.AppendText(make([]byte, 0, 27)) }

// Schema documents the form.
func (timestamp) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Format: "date-time",
		Description: "RFC 3339 in UTC with microseconds.", Examples: []any{"2026-11-22T17:12:10.123456Z"},
	}
}

// stamp is the timestamp of a time that may be missing.
func stamp(t *time.Time) *timestamp {
	if t == nil {
		return nil
	}
	return new(timestamp(*t))
}

// nullable is a given field of a merge patch for which null means its default.
type nullable[T any] struct{ given[T] }

// Schema is that of the value, or null.
func (n nullable[T]) Schema(r huma.Registry) *huma.Schema {
	s := n.given.Schema(r)
	s.Nullable = true
	return s
}

// Resolve refuses a value that Go's type cannot hold.
func (n *nullable[T]) Resolve(_ huma.Context, place *huma.PathBuffer) []error {
	if !n.bad {
		return nil
	}
	return wrongType(place)
}

// orDefault is the value, the default for null, or nil where nothing is given.
func (n nullable[T]) orDefault(value T) *T {
	if n.null {
		return &value
	}
	return n.pointer()
}
