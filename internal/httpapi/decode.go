package httpapi

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how many levels the JSON of a request may have.
const maxDepth = 16

// jsonOptions escape "<", ">" and "&", so that a front end that puts a response into
// a page by mistake does not run a script in it. Equal responses are equal bytes, also
// where they have maps.
var jsonOptions = json.JoinOptions(jsontext.EscapeForHTML(true), json.Deterministic(true))

// jsonFormat reads and writes JSON for huma. The library is strict: exactly one value,
// each name once and in its case, valid UTF-8, no lone surrogates. The text of an error
// is a sentence for the caller.
var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		return json.MarshalWrite(w, v, jsonOptions)
	},
	Unmarshal: func(data []byte, v any) error {
		if _, first := v.(*any); first { // huma reads each body twice
			if tooDeep(data) {
				return fmt.Errorf("The JSON has more than %d levels.", maxDepth)
			}
			return jsonError(json.Unmarshal(data, v, anyNumber))
		}
		return jsonError(json.Unmarshal(data, v))
	},
}

// anyNumber leaves numbers of any size to the schema: one that float64 cannot hold is
// well-formed JSON and becomes infinite.
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

// jsonError says what is wrong with the JSON and where, without repeating the input.
func jsonError(err error) error {
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case err == nil:
		return nil
	case !ok:
		return err
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("A name occurs twice in one object, near byte %d.", syntax.ByteOffset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("The JSON ends too early.")
	default:
		return fmt.Errorf("The body is not one well-formed JSON value in UTF-8: see byte %d.", syntax.ByteOffset)
	}
}

// tooDeep reports whether data opens more than maxDepth levels. The parser judges what
// is not JSON.
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
