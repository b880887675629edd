package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// watchAll follows a stream that comes in pieces of n bytes.
func watchAll(stream string, n int) (good int, fault Reason, f *framing) {
	f = &framing{}
	for at := 0; at < len(stream); at += n {
		piece := stream[at:min(at+n, len(stream))]
		if good, fault := f.watch([]byte(piece)); fault != 0 {
			return at + good, fault, f
		}
	}
	return len(stream), 0, f
}

const next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"

func TestABodyEndsInOneWay(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 10_000)
	for name, tc := range map[string]struct {
		stream string
		want   Reason
	}{
		"no body":                           {"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + next, 0},
		"a length":                          {"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody" + next, 0},
		"no length in so many words":        {"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + next, 0},
		"the same length twice":             {"POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody" + next, 0},
		"chunks":                            {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
		"a body like a request":             {"POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\n" + fmt.Sprintf("%-50s", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n") + next, 0},
		"line feeds alone":                  {"POST / HTTP/1.1\nContent-Length: 4\n\nbody" + next, 0},
		"empty lines before":                {"\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody" + next, 0},
		"a long line":                       {"GET /" + long + " HTTP/1.1\r\nX: " + long + "\r\n\r\n" + next, 0},
		"a name that only begins like it":   {"POST / HTTP/1.1\r\nContent-Length-X: x\r\nX-Transfer-Encoding: y\r\nContent-Length: 4\r\n\r\nbody" + next, 0},
		"an old request with a length":      {"POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody" + next, 0},
		"a length and chunks":               {"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", BadFraming},
		"chunks and a length":               {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: a\r\nContent-Length: 4\r\n\r\n", BadFraming},
		"the same in other letters":         {"POST / HTTP/1.1\r\ntRANSFER-eNCODING:chunked\r\ncONTENT-lENGTH:4\r\n\r\n", BadFraming},
		"the same by line feeds alone":      {"POST / HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length: 4\n\n", BadFraming},
		"no length at all, and chunks":      {"POST / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", BadFraming},
		"another encoding and a length":     {"POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\nContent-Length: 4\r\n\r\n", BadFraming},
		"the second request has both":       {next + "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", BadFraming},
		"the one after a body has both":     {"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbodyPOST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", BadFraming},
		"both far behind":                   {"GET /" + long + " HTTP/1.1\r\nX: " + long + "\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", BadFraming},
		"chunks in an old request":          {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", BadFraming},
		"the same with a long path":         {"POST /" + long + " HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", BadFraming},
		"two lengths":                       {"POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n", BadFraming},
		"two lengths in one line":           {"POST / HTTP/1.1\r\nContent-Length: 4, 4\r\n\r\n", BadFraming},
		"a length with a sign":              {"POST / HTTP/1.1\r\nContent-Length: +4\r\n\r\n", BadFraming},
		"a negative length":                 {"POST / HTTP/1.1\r\nContent-Length: -4\r\n\r\n", BadFraming},
		"a hexadecimal length":              {"POST / HTTP/1.1\r\nContent-Length: 0x4\r\n\r\n", BadFraming},
		"an empty length":                   {"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", BadFraming},
		"a length beyond all measure":       {"POST / HTTP/1.1\r\nContent-Length: 9223372036854775808\r\n\r\n", BadFraming},
		"a length behind many blanks":       {"POST / HTTP/1.1\r\nContent-Length:" + strings.Repeat(" ", 100) + "4\r\n\r\n", BadFraming},
		"a length with NUL":                 {"POST / HTTP/1.1\r\nContent-Length: 4\x00\r\n\r\n", BadFraming},
		"a length with a return":            {"POST / HTTP/1.1\r\nContent-Length: 4\r\r\n\r\n", BadFraming},
		"a header that goes on":             {"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", FoldedHeader},
		"a length that goes on":             {"POST / HTTP/1.1\r\nContent-Length: 4\r\n 4\r\n\r\n", FoldedHeader},
		"an encoding that goes on":          {"POST / HTTP/1.1\r\nTransfer-Encoding:\r\n\tchunked\r\nContent-Length: 4\r\n\r\n", FoldedHeader},
		"a blank before the first header":   {"GET / HTTP/1.1\r\n X: a\r\n\r\n", FoldedHeader},
		"no more is seen after chunks":      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 0},
		"what is no request at all":         {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 0},
		"a preface of HTTP/2":               {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", 0},
		"nothing but empty lines, for long": {strings.Repeat("\r\n", 10_000), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{1, 2, 3, 7, 64, 4096, len(tc.stream)} {
				good, fault, f := watchAll(tc.stream, n)
				if fault != tc.want {
					t.Errorf("in pieces of %d the fault is %d, want %d", n, fault, tc.want)
				}
				if fault != 0 && strings.HasSuffix(tc.stream[:good], "\n\r\n") {
					t.Errorf("in pieces of %d the head is read whole: %q", n, tc.stream[:good])
				}
				if len(f.line) > seen {
					t.Errorf("it keeps %d bytes", len(f.line))
				}
			}
		})
	}
}

// drawn is a request that a test has drawn, and whether it is to be refused.
type drawn struct {
	text   string
	faulty bool
	last   bool // nothing after it is looked at
}

func drawRequest(t *rapid.T) drawn {
	body := rapid.StringMatching(`(GET / HTTP/1\.1|Transfer-Encoding: chunked|\r\n|\n|[a-z :]){0,12}`).Draw(t, "body")
	version := rapid.SampledFrom([]string{"1.1", "1.1", "1.1", "1.0"}).Draw(t, "version")
	sized, chunked := rapid.Bool().Draw(t, "sized"), rapid.IntRange(0, 3).Draw(t, "chunked") == 0
	var lines []string
	if sized {
		lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	if chunked {
		lines = append(lines, "Transfer-Encoding: chunked")
	}
	for range rapid.IntRange(0, 3).Draw(t, "others") {
		lines = append(lines, "X-Other: "+rapid.StringMatching(`[!-~]{0,80}`).Draw(t, "other"))
	}
	head := append([]string{"POST / HTTP/" + version}, rapid.Permutation(lines).Draw(t, "lines")...)
	text := strings.Join(head, "\r\n") + "\r\n\r\n"
	switch {
	case chunked && body != "":
		text += fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	case chunked:
		text += "0\r\n\r\n"
	case sized:
		text += body
	}
	return drawn{text, chunked && (sized || version == "1.0"), chunked}
}

func TestRequestsAreToldApartWhateverTheyHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var sent strings.Builder
		want, seen := false, true
		for _, r := range rapid.SliceOfN(rapid.Custom(drawRequest), 1, 6).Draw(t, "requests") {
			sent.WriteString(r.text)
			want = want || seen && r.faulty
			seen = seen && !r.last
		}
		stream := sent.String()
		_, fault, f := watchAll(stream, rapid.IntRange(1, 200).Draw(t, "pieces"))
		if (fault != 0) != want {
			t.Fatalf("the fault is %d in %q", fault, stream)
		}
		if fault == 0 && (f.begun || f.body > 0) {
			t.Fatalf("it does not see the end of %q", stream)
		}
	})
}

// FuzzFraming compares with what net/http reads: what passes here is read there
// with the same ends, and nothing that has two of them passes.
func FuzzFraming(f *testing.F) {
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"+next), 3)
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 1)
	f.Add([]byte("POST / HTTP/1.0\nTransfer-Encoding:\n chunked\n\n0\r\n\r\n"), 1000)
	f.Add([]byte("\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 2)
	f.Fuzz(func(t *testing.T, stream []byte, n int) {
		good, fault, state := watchAll(string(stream), max(1, n%4096))
		if good < 0 || good > len(stream) || len(state.line) > seen {
			t.Fatalf("%d bytes are good, %d kept", good, len(state.line))
		}
		rest := bytes.NewReader(stream)
		in := bufio.NewReader(rest)
		for {
			began := len(stream) - rest.Len() - in.Buffered()
			r, err := http.ReadRequest(in)
			if err != nil || r.ProtoMajor != 1 { // a server refuses other versions
				return
			}
			head := stream[began : len(stream)-rest.Len()-in.Buffered()]
			if len(r.TransferEncoding) > 0 {
				if fault == 0 && bytes.Contains(bytes.ToLower(head), []byte("\ncontent-length:")) {
					t.Fatalf("both ends pass: %q", stream)
				}
				return
			}
			if fault != 0 && good < began+len(head) {
				return
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
			if in.Buffered() == 0 && rest.Len() == 0 && fault == 0 && (state.begun || state.body > 0 || state.blind) {
				t.Fatalf("net/http sees the end of the last request, we do not: %+v of %q", *state, stream)
			}
		}
	})
}
