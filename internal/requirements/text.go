package requirements

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// text is the rule for one text field. Lengths are in Unicode code points.
type text struct {
	min, max int
	// trimmed texts lose surrounding white space before they are measured.
	trimmed bool
	// oneLine texts allow no control character at all; others allow tab, line
	// feed and carriage return. NUL is never allowed.
	oneLine bool
}

// parse returns the text as it is kept, and adds to faults what is wrong.
func (r text) parse(pointer, s string, faults *[]problem.FieldError) string {
	if r.trimmed {
		s = strings.TrimSpace(s)
	}
	refuse := func(code, format string, args ...any) {
		*faults = append(*faults, problem.FieldError{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	switch n := utf8.RuneCountInString(s); {
	case r.min > 0 && strings.TrimSpace(s) == "":
		refuse("blank", "This must hold at least one character that is not white space.")
	case n > r.max:
		refuse("too_long", "At most %d characters are allowed; these are %d.", r.max, n)
	}
	if at, control := r.firstForbidden(s); at >= 0 {
		refuse("control_character", "The control character U+%04X at position %d is not allowed.", control, at)
	}
	return s
}

// parseGiven is parse for a field that may be left out.
func (r text) parseGiven(pointer string, s *string, faults *[]problem.FieldError) *string {
	if s == nil {
		return nil
	}
	return new(r.parse(pointer, *s, faults))
}

// firstForbidden returns the position, in code points, of the first control
// character that the rule does not allow, or -1.
func (r text) firstForbidden(s string) (int, rune) {
	at := 0
	for _, c := range s {
		if unicode.IsControl(c) && (r.oneLine || c != '\t' && c != '\n' && c != '\r') {
			return at, c
		}
		at++
	}
	return -1, 0
}
