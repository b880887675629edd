// Package body reads the JSON body of a request into a Go value: in one pass, within
// bounds, and with every fault reported by its place.
//
// A [Plan] is made of a struct type. Its json tags name the fields; those without
// omitempty are required. The tags minLength, maxLength, minimum, maximum, enum,
// pattern and maxItems mean what they mean in the contract, so both have one source.
// The package depends on no operation.
package body

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	// maxDepth is how many levels the JSON of a body may have.
	maxDepth = 16
	// maxSkipped is how many JSON values one value that is not accepted may have, before
	// decoding stops. It bounds the memory and the time of a body of many small values.
	maxSkipped = 10_000
)

// errStop ends decoding: more faults would not be listed, or would cost too much to
// find. The rest of the body is not read.
var errStop = errors.New("enough faults")

// Decode reads data, one JSON object, into the struct that to points to. It returns
// the faults of fields. A field whose value is too long or out of range has it
// nevertheless, so that rules can find more; see HasValue. The error is MalformedJSON.
// After problem.MaxFieldErrors faults the rest of the body is not read.
func (p *Plan) Decode(data []byte, to any) ([]problem.FieldError, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, problem.New(problem.MalformedJSON, "A JSON body is needed; the request has none.")
	}
	d := &decoder{json: jsontext.NewDecoder(bytes.NewBuffer(data))}
	err := d.value(&p.root, reflect.ValueOf(to).Elem(), "")
	if err == nil {
		err = d.end()
	}
	if err != nil && !errors.Is(err, errStop) {
		return nil, problem.New(problem.MalformedJSON, "%s", syntaxDetail(data, err))
	}
	return d.faults, nil
}

// decoder reads one body.
type decoder struct {
	json   *jsontext.Decoder
	faults []problem.FieldError
}

var errTooDeep = fmt.Errorf("The JSON has more than %d levels.", maxDepth)

// read reads the next token within the bounds.
func (d *decoder) read() (jsontext.Token, error) {
	token, err := d.json.ReadToken()
	if err != nil {
		return token, err
	}
	if d.json.StackDepth() > maxDepth {
		return token, errTooDeep
	}
	return token, nil
}

// end checks that nothing but white space follows the value.
func (d *decoder) end() error {
	switch _, err := d.json.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	default:
		return &jsontext.SyntacticError{ByteOffset: d.json.InputOffset(), Err: errors.New("a second value")}
	}
}

// reject reads a value that is not accepted, and reports it.
func (d *decoder) reject(pointer, code, detail string) error {
	if err := d.faultAt(pointer, code, detail); err != nil {
		return err
	}
	depth := d.json.StackDepth()
	for range maxSkipped {
		if _, err := d.read(); err != nil {
			return err
		}
		if d.json.StackDepth() <= depth {
			return nil
		}
	}
	return errStop
}

// faultAt reports a fault. Its error is errStop after the last one that is listed.
func (d *decoder) faultAt(pointer, code, detail string) error {
	d.faults = append(d.faults, problem.FieldError{Pointer: pointer, Code: code, Detail: detail})
	if len(d.faults) > problem.MaxFieldErrors {
		return errStop
	}
	return nil
}

// value reads one value; at is its place.
func (d *decoder) value(s *schema, v reflect.Value, at string) error {
	switch found := d.json.PeekKind(); {
	case found == 0: // not JSON
		_, err := d.read()
		return err
	case !s.accepts(found):
		return d.reject(at, WrongType, wrongType(s, found))
	}
	switch s.kind { //nolint:exhaustive // the others are scalars
	case object:
		return d.object(s, v, at)
	case list:
		return d.list(s, v, at)
	}
	token, err := d.read()
	if err != nil {
		return err
	}
	if code, detail := s.scalar(token, v); code != "" {
		return d.faultAt(at, code, detail)
	}
	return nil
}

// object reads the fields of a struct.
func (d *decoder) object(s *schema, v reflect.Value, at string) error {
	if _, err := d.read(); err != nil {
		return err
	}
	seen := make([]bool, len(s.fields))
	for d.json.PeekKind() == '"' {
		token, err := d.read()
		if err != nil {
			return err
		}
		if err := d.member(s, v, at, token.String(), seen); err != nil {
			return err
		}
	}
	if _, err := d.read(); err != nil {
		return err
	}
	return d.missing(s, at, seen)
}

// member reads the value of a name in an object, and notes the field in seen.
func (d *decoder) member(s *schema, v reflect.Value, at, name string, seen []bool) (err error) {
	n, known := s.byName[name]
	if !known {
		return d.reject(at+"/"+escape.Replace(name), UnknownField, s.unknownDetail(name))
	}
	f := &s.fields[n]
	seen[n], err = d.field(f, v.Field(f.index), at+"/"+f.name)
	return err
}

// missing reports the required fields of an object that were not seen.
func (d *decoder) missing(s *schema, at string, seen []bool) error {
	for n, f := range s.fields {
		if f.required && !seen[n] {
			if err := d.faultAt(at+"/"+f.name, "required", "This is needed."); err != nil {
				return err
			}
		}
	}
	return nil
}

// escape makes a name a part of a JSON pointer (RFC 6901).
var escape = strings.NewReplacer("~", "~0", "/", "~1")

// field reads the value of a field. It reports whether the field is present. Null
// stands for an absent field where it has no meaning of its own.
func (d *decoder) field(f *field, v reflect.Value, at string) (present bool, err error) {
	o, wrapped := reflect.TypeAssert[wrapper](v.Addr())
	if wrapped && d.json.PeekKind() == 'n' {
		if _, err := d.read(); err != nil {
			return false, err
		}
		if !o.setNull() {
			return false, d.faultAt(at, WrongType, "This cannot be null. Leave it out to keep it as it is.")
		}
		return false, nil
	}
	if !wrapped {
		return true, d.value(&f.schema, v, at)
	}
	before := len(d.faults)
	if err := d.value(&f.schema, reflect.ValueOf(o.target()).Elem(), at); err != nil {
		return true, err
	}
	if !slices.ContainsFunc(d.faults[before:], func(f problem.FieldError) bool { return !HasValue(f) }) {
		o.set()
	}
	return true, nil
}

// list reads a list. One with more than maxItems entries is rejected by its length
// alone: faults of its entries are not reported, and the rest of the body is not read.
func (d *decoder) list(s *schema, v reflect.Value, at string) error {
	if _, err := d.read(); err != nil {
		return err
	}
	before := len(d.faults)
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for n := 0; d.json.PeekKind() != ']'; n++ {
		if n >= s.maxItems {
			d.faults = d.faults[:before]
			_ = d.faultAt(at, "too_many", fmt.Sprintf("At most %d entries are allowed; this has more.", s.maxItems))
			return errStop
		}
		v.Grow(1)
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		if err := d.value(s.element, v.Index(n), at+"/"+strconv.Itoa(n)); err != nil {
			return err
		}
	}
	_, err := d.read()
	return err
}

// syntaxDetail says what is wrong with the JSON and where, without repeating it.
func syntaxDetail(data []byte, err error) string {
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case errors.Is(err, errTooDeep):
		return errTooDeep.Error()
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return "The body begins with a byte-order mark. Send it without."
	case errors.Is(err, io.ErrUnexpectedEOF) || !ok:
		return "The JSON ends too early."
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Sprintf("A name occurs twice in one object, near %s.", place(data, syntax.ByteOffset))
	default:
		return fmt.Sprintf("The body is not one well-formed JSON value in UTF-8: see %s.", place(data, syntax.ByteOffset))
	}
}

// place is a position as an editor shows it. Columns count bytes.
func place(data []byte, offset int64) string {
	before := data[:min(max(int(offset), 0), len(data))]
	line := bytes.Count(before, []byte("\n")) + 1
	return fmt.Sprintf("line %d, column %d", line, len(before)-bytes.LastIndexByte(before, '\n'))
}
