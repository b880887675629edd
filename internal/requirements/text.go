package requirements

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/text"
)

// textRule validates one text field. Lengths are in Unicode code points.
type textRule struct {
	min, max int
	// trimmed removes surrounding white space before the length is checked.
	trimmed bool
	// oneLine rejects all control characters and line separators. Without it tab,
	// line feed and carriage return are accepted. NUL never is. A needed text of one
	// line must show something.
	oneLine bool
}

// parse returns the text as it is stored, and appends what is wrong to errs.
func (r textRule) parse(pointer, s string, errs *[]problem.FieldError) string {
	if r.trimmed {
		s = strings.TrimSpace(s)
	}
	reject := func(code, format string, args ...any) {
		*errs = append(*errs, problem.FieldError{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	switch n := utf8.RuneCountInString(s); {
	case r.oneLine && (r.min > 0 || s != "") && !text.HasVisible(s):
		reject("blank", "At least one visible character is required.")
	case r.min > 0 && strings.TrimSpace(s) == "":
		reject("blank", "At least one character that is not white space is required.")
	case n > r.max:
		reject("too_long", "At most %d characters are allowed; this has %d.", r.max, n)
	}
	if at, control := r.firstControl(s); at >= 0 {
		reject("control_character", "The control character U+%04X at position %d is not allowed.", control, at)
	}
	return s
}

// parseOptional is parse for a field that may be absent.
func (r textRule) parseOptional(pointer string, s *string, errs *[]problem.FieldError) *string {
	if s == nil {
		return nil
	}
	return new(r.parse(pointer, *s, errs))
}

// firstControl returns the position, in code points, of the first control
// character that the rule rejects, or -1.
func (r textRule) firstControl(s string) (int, rune) {
	at := 0
	for _, c := range s {
		if r.oneLine && !text.AllowedInLine(c) || unicode.IsControl(c) && c != '\t' && c != '\n' && c != '\r' {
			return at, c
		}
		at++
	}
	return -1, 0
}

// ParseTitle validates a title of 1 to max code points on one line, without blanks
// around it. It appends what is wrong.
func ParseTitle(pointer, text string, maxLength int, errs *[]problem.FieldError) string {
	return textRule{min: 1, max: maxLength, trimmed: true, oneLine: true}.parse(pointer, text, errs)
}

// ParseText validates a text of at most max code points. It appends what is wrong.
func ParseText(pointer, text string, maxLength int, errs *[]problem.FieldError) string {
	return textRule{max: maxLength}.parse(pointer, text, errs)
}
