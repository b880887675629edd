// Package strictjson reads JSON by the letter of RFC 8259 and RFC 7493, with
// nothing that the product reads it with. Fuzz targets ask it for a second
// opinion.
//
// It accepts one value in UTF-8 with white space around it, names once in each
// object, no half of a surrogate pair, and no more levels than the given depth.
package strictjson

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Number is a number as it is written.
type Number string

// Float is the number, infinite where no float64 can hold it.
func (n Number) Float() float64 {
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		panic(err) // the grammar of JSON is narrower
	}
	return f
}

// Floats is the value with a float64 for each Number, as others read JSON.
func Floats(value any) any {
	switch v := value.(type) {
	case Number:
		return v.Float()
	case []any:
		list := make([]any, len(v))
		for n, element := range v {
			list[n] = Floats(element)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, member := range v {
			object[name] = Floats(member)
		}
		return object
	default:
		return value
	}
}

// Read returns nil, bool, string, Number, []any or map[string]any, and whether
// text is strict JSON of at most depth levels.
func Read(text []byte, depth int) (value any, ok bool) {
	r := reader{rest: string(text)}
	r.blanks()
	value = r.value(depth)
	r.blanks()
	return value, !r.failed && r.rest == "" && utf8.Valid(text)
}

type reader struct {
	rest   string
	failed bool
}

func (r *reader) fail() any {
	r.failed = true
	return nil
}

func (r *reader) blanks() { r.rest = strings.TrimLeft(r.rest, " \t\r\n") }

// take consumes token if it comes next.
func (r *reader) take(token string) bool {
	rest, ok := strings.CutPrefix(r.rest, token)
	r.rest = rest
	return ok
}

func (r *reader) value(depth int) any {
	switch {
	case r.failed:
		return nil
	case r.take("null"):
		return nil
	case r.take("true"):
		return true
	case r.take("false"):
		return false
	case r.take(`"`):
		return r.text()
	case r.take("["):
		return r.list(depth - 1)
	case r.take("{"):
		return r.object(depth - 1)
	default:
		return r.number()
	}
}

func (r *reader) list(depth int) any {
	list := []any{}
	if r.blanks(); depth < 0 || r.take("]") {
		r.failed = r.failed || depth < 0
		return list
	}
	for !r.failed {
		r.blanks()
		list = append(list, r.value(depth))
		if r.blanks(); r.take("]") {
			return list
		}
		r.failed = r.failed || !r.take(",")
	}
	return nil
}

func (r *reader) object(depth int) any {
	object := map[string]any{}
	if r.blanks(); depth < 0 || r.take("}") {
		r.failed = r.failed || depth < 0
		return object
	}
	for !r.failed {
		if r.blanks(); !r.take(`"`) {
			return r.fail()
		}
		name := r.text()
		if r.blanks(); !r.take(":") {
			return r.fail()
		}
		if _, twice := object[name]; twice {
			return r.fail()
		}
		r.blanks()
		object[name] = r.value(depth)
		if r.blanks(); r.take("}") {
			return object
		}
		r.failed = r.failed || !r.take(",")
	}
	return nil
}

// text is what stands before the closing quote.
func (r *reader) text() string {
	var b strings.Builder
	for r.rest != "" && !r.failed {
		switch c := r.rest[0]; {
		case c == '"':
			r.rest = r.rest[1:]
			return b.String()
		case c < ' ':
			r.fail()
		case c == '\\':
			r.rest = r.rest[1:]
			b.WriteRune(r.escape())
		default:
			b.WriteByte(c)
			r.rest = r.rest[1:]
		}
	}
	r.fail()
	return ""
}

// escape is the character behind a backslash.
func (r *reader) escape() rune {
	for n, short := range []string{`"`, `\`, "/", "b", "f", "n", "r", "t"} {
		if r.take(short) {
			return rune("\"\\/\b\f\n\r\t"[n])
		}
	}
	c := r.unit()
	if !utf16.IsSurrogate(c) {
		return c
	}
	if !r.take(`\`) {
		r.fail()
	}
	if c = utf16.DecodeRune(c, r.unit()); c == utf8.RuneError {
		r.fail()
	}
	return c
}

// unit is the UTF-16 code unit of an escape such as u00e4.
func (r *reader) unit() rune {
	if len(r.rest) < 5 || r.rest[0] != 'u' || strings.Trim(r.rest[1:5], "0123456789abcdefABCDEF") != "" {
		r.fail()
		return 0
	}
	unit, err := strconv.ParseUint(r.rest[1:5], 16, 16)
	if err != nil {
		panic(err)
	}
	r.rest = r.rest[5:]
	return rune(unit)
}

func (r *reader) number() any {
	whole := r.rest
	r.take("-")
	if !r.take("0") && r.digits() == 0 {
		return r.fail()
	}
	if r.take(".") && r.digits() == 0 {
		return r.fail()
	}
	if r.take("e") || r.take("E") {
		if !r.take("+") {
			r.take("-")
		}
		if r.digits() == 0 {
			return r.fail()
		}
	}
	return Number(strings.TrimSuffix(whole, r.rest))
}

// digits consumes digits and counts them.
func (r *reader) digits() int {
	before := len(r.rest)
	r.rest = strings.TrimLeft(r.rest, "0123456789")
	return before - len(r.rest)
}
