package wire

import (
	"bytes"
	"strconv"
)

const (
	// seen is how much of a header line is looked at: enough for the names and
	// values that tell where a body ends.
	seen = 64
	// versionBytes is how long the end of a request line is: " HTTP/1.1".
	versionBytes = 9
	// maxDigits keeps a length below 2^63.
	maxDigits = 18
)

// framing follows the requests on a connection of HTTP/1.1, to see the headers
// that net/http takes away before anybody can ask for them. It refuses what two
// servers in a row may read in different ways (RFC 9112, sections 5.2, 6.1 and
// 6.3): a body whose end is told in two ways, or by a length that is not plainly
// a number, and headers that go on in the next line.
//
// After a request with Transfer-Encoding it looks no more: that is the last one
// of its connection, as package httpapi sees to.
type framing struct {
	blind bool
	// body is how much of the present body is still to come.
	body int64
	// line is the present line: its end for the request line, else its beginning,
	// cut if there is more.
	line []byte
	cut  bool

	begun, old, chunked, sized bool
	length                     int64
}

// watch follows b. Where it finds a fault, good is how much of b may be read.
func (f *framing) watch(b []byte) (good int, fault Reason) {
	for at := 0; at < len(b); {
		switch {
		case f.blind:
			return len(b), 0
		case f.body > 0:
			passed := min(f.body, int64(len(b)-at))
			f.body -= passed
			at += int(passed)
		default:
			end := bytes.IndexByte(b[at:], '\n')
			if end < 0 {
				f.keep(b[at:])
				return len(b), 0
			}
			f.keep(b[at : at+end])
			if fault := f.endLine(); fault != 0 {
				return at + end, fault
			}
			at += end + 1
		}
	}
	return len(b), 0
}

func (f *framing) keep(part []byte) {
	if !f.begun {
		f.line = append(f.line, part[max(0, len(part)-versionBytes-1):]...)
		f.line = append(f.line[:0], f.line[max(0, len(f.line)-versionBytes-1):]...)
		return
	}
	room := seen - len(f.line)
	f.cut = f.cut || len(part) > room
	f.line = append(f.line, part[:min(len(part), room)]...)
}

// endLine judges the line that has come to its end.
func (f *framing) endLine() Reason {
	line, cut := bytes.TrimSuffix(f.line, []byte("\r")), f.cut
	f.line, f.cut = f.line[:0], false
	switch {
	case !f.begun:
		f.begun = len(line) > 0 // empty lines before a request count for nothing
		f.old = bytes.HasSuffix(line, []byte(" HTTP/1.0"))
		return 0
	case len(line) == 0:
		return f.endHead()
	case line[0] == ' ' || line[0] == '\t':
		return FoldedHeader
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch {
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		f.chunked = true
	case bytes.EqualFold(name, []byte("Content-Length")):
		length, ok := number(bytes.Trim(value, " \t"))
		if !ok || cut || f.sized && length != f.length {
			return BadFraming
		}
		f.sized, f.length = true, length
	}
	return 0
}

// endHead judges the head that has come to its end, and waits for the next.
func (f *framing) endHead() Reason {
	if f.chunked && (f.sized || f.old) {
		return BadFraming
	}
	*f = framing{line: f.line, blind: f.chunked, body: f.length}
	return 0
}

// number reads a length that everybody reads in the same way.
func number(digits []byte) (int64, bool) {
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
	}
	if len(digits) > maxDigits {
		return 0, false
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	return n, err == nil
}
