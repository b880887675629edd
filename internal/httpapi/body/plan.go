package body

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// The codes of faults that have a meaning to callers of this package.
const (
	UnknownField = "unknown_field"
	WrongType    = "wrong_type"
)

// HasValue reports whether a field with this fault has a value.
func HasValue(f problem.FieldError) bool {
	return slices.Contains([]string{"blank", "too_short", "too_long", "out_of_range"}, f.Code)
}

// Plan is how bodies of one type are read.
type Plan struct{ root schema }

// Options are what a plan cannot take from its type.
type Options struct {
	// ReadOnly are fields of the resource that a request cannot set.
	ReadOnly []string
	// MaxItems replaces the tag maxItems of a field by a setting.
	MaxItems map[string]int
}

// NewPlan returns the plan for a struct type. It panics if the type has a field that
// it cannot read, so a wrong type fails when the server starts.
func NewPlan(t reflect.Type, o Options) *Plan {
	return &Plan{root: schemaOf(t, "", o)}
}

// kind is what a value of the schema is in JSON.
type kind int

const (
	object kind = iota
	list
	text
	textual
	integer
	boolean
)

// schema is what is allowed of one value.
type schema struct {
	kind kind
	// fields are those of an object, byName their indexes.
	fields   []field
	byName   map[string]int
	readOnly map[string]bool
	// element is that of a list.
	element  *schema
	maxItems int

	minLength, maxLength int
	trimmed              bool
	minimum, maximum     int64
	pattern              *regexp.Regexp
	patternText          string
	enum                 []string
}

// field is one field of an object.
type field struct {
	schema

	name     string
	index    int
	required bool
}

// noLimit is the limit of a value without one.
const noLimit = 1<<31 - 1

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

func schemaOf(t reflect.Type, tag reflect.StructTag, o Options) schema {
	s := schema{
		maxItems: number(tag, "maxItems", noLimit), minLength: number(tag, "minLength", 0), maxLength: number(tag, "maxLength", noLimit),
		minimum: int64(number(tag, "minimum", -noLimit)), maximum: int64(number(tag, "maximum", noLimit)),
		trimmed: tag.Get("trimmed") == "true", patternText: tag.Get("patternDescription"),
	}
	if pattern := tag.Get("pattern"); pattern != "" {
		s.pattern = regexp.MustCompile(pattern)
	}
	if enum := tag.Get("enum"); enum != "" {
		s.enum = strings.Split(enum, ",")
	}
	switch {
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		s.kind = textual
	case t.Kind() == reflect.Struct:
		s.kind = object
		s.readFields(t, o)
	case t.Kind() == reflect.Slice:
		s.kind = list
		s.element = new(schemaOf(t.Elem(), elementTag(tag), o))
	case t.Kind() == reflect.String:
		s.kind = text
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		s.kind = integer
	case t.Kind() == reflect.Bool:
		s.kind = boolean
	default:
		panic("a body cannot have a " + t.String())
	}
	return s
}

// elementTag is the part of a list's tag that is about its elements.
func elementTag(tag reflect.StructTag) reflect.StructTag {
	var of []string
	for _, name := range []string{"pattern", "patternDescription", "enum"} {
		if value, ok := tag.Lookup(name); ok {
			of = append(of, name+":"+strconv.Quote(value))
		}
	}
	return reflect.StructTag(strings.Join(of, " "))
}

func number(tag reflect.StructTag, name string, absent int) int {
	text, ok := tag.Lookup(name)
	if !ok {
		return absent
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic("the tag " + name + " is not a number: " + text)
	}
	return n
}

func (s *schema) readFields(t reflect.Type, o Options) {
	s.byName, s.readOnly = map[string]int{}, map[string]bool{}
	for f := range t.Fields() {
		if !f.IsExported() {
			continue
		}
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		of := f.Type
		if w, ok := reflect.TypeAssert[wrapper](reflect.New(f.Type)); ok {
			of = reflect.TypeOf(w.target()).Elem()
		}
		read := field{schema: schemaOf(of, f.Tag, o), name: name, index: f.Index[0], required: !strings.Contains(rest, "omit")}
		if limit, ok := o.MaxItems[name]; ok {
			read.maxItems = limit
		}
		s.byName[name] = len(s.fields)
		s.fields = append(s.fields, read)
	}
	for _, name := range o.ReadOnly {
		_, settable := s.byName[name]
		s.readOnly[name] = !settable
	}
}

// kinds are the kinds of values: the kind of the token that one begins with, for a
// boolean 't', and the words for it.
var kinds = [...]struct {
	token jsontext.Kind
	words string
}{
	object: {'{', "an object"}, list: {'[', "a list"}, text: {'"', "a string"}, textual: {'"', "a string"},
	integer: {'0', "a whole number"}, boolean: {'t', "true or false"},
}

// accepts reports whether a value of the schema may begin with a token of this kind.
func (s *schema) accepts(found jsontext.Kind) bool {
	return found == kinds[s.kind].token || s.kind == boolean && found == 'f'
}

// tokenWords are the words for the kinds of tokens that a value can begin with.
var tokenWords = map[jsontext.Kind]string{ //nolint:exhaustive // a value begins with no other
	'{': "an object", '[': "a list", '"': "a string", '0': "a number", 't': "true", 'f': "false", 'n': "null",
}

// wrongType says what a value must be, and what it is.
func wrongType(s *schema, found jsontext.Kind) string {
	return fmt.Sprintf("This must be %s; it is %s.", kinds[s.kind].words, tokenWords[found])
}

// unknownDetail says why a request cannot set a field.
func (s *schema) unknownDetail(name string) string {
	if s.readOnly[name] {
		return "This field is read-only. Leave it out."
	}
	for _, f := range s.fields {
		if fold(f.name) == fold(name) {
			return "There is no such field here. Did you mean " + f.name + "?"
		}
	}
	return "There is no such field here."
}

// fold makes spellings of a name equal: item_ids, itemIds, ItemIDs.
func fold(name string) string { return strings.ToLower(separators.Replace(name)) }

var separators = strings.NewReplacer("_", "", "-", "")

// A check of a scalar returns the code and the sentence of a fault; both are empty
// without one.

// scalar reads a token of the right kind into a value.
func (s *schema) scalar(token jsontext.Token, v reflect.Value) (code, detail string) {
	switch s.kind { //nolint:exhaustive // the others are not scalars, or texts
	case boolean:
		v.SetBool(token.Bool())
		return "", ""
	case integer:
		n, whole := wholeNumber(token.String())
		if !whole {
			return WrongType, "This must be a whole number."
		}
		v.SetInt(n)
		return s.checkNumber(n)
	}
	t := token.String()
	if s.kind == text {
		v.SetString(t)
		return s.checkText(t)
	}
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); !ok || u.UnmarshalText([]byte(t)) != nil {
		return "wrong_format", "This must be " + s.patternText + "."
	}
	return "", ""
}

// wholeNumber reads a number of any spelling: 1.0 and 1e0 are 1. One that an int64
// cannot hold is the nearest that it can: it is out of every range.
func wholeNumber(literal string) (n int64, whole bool) {
	if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(literal, 64)
	const exact = 1 << 53 // float64 holds all whole numbers up to it
	switch {
	case err != nil && f > 0, f > exact:
		return 1<<63 - 1, true
	case err != nil && f < 0, f < -exact:
		return -1 << 63, true
	}
	return int64(f), f == float64(int64(f))
}

func (s *schema) checkNumber(n int64) (code, detail string) {
	switch {
	case n < s.minimum:
		return "out_of_range", fmt.Sprintf("This must be at least %d.", s.minimum)
	case n > s.maximum:
		return "out_of_range", fmt.Sprintf("This must be at most %d.", s.maximum)
	}
	return "", ""
}

func (s *schema) checkText(t string) (code, detail string) {
	if s.trimmed {
		t = strings.TrimSpace(t)
	}
	switch length := utf8.RuneCountInString(t); {
	case length < s.minLength && length == 0:
		return "blank", "At least one character that is not white space is required."
	case length < s.minLength:
		return "too_short", fmt.Sprintf("At least %d characters are needed; this has %d.", s.minLength, length)
	case length > s.maxLength:
		return "too_long", fmt.Sprintf("At most %d characters are allowed; this has %d.", s.maxLength, length)
	case s.pattern != nil && !s.pattern.MatchString(t):
		return "wrong_format", "This must be " + s.patternText + "."
	}
	if s.enum != nil && !slices.Contains(s.enum, t) {
		return "not_allowed", "This must be one of: " + strings.Join(s.enum, ", ") + "."
	}
	return "", ""
}
