package wire

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
)

func TestOnlyAnswersOfNetHTTPAreReplaced(t *testing.T) {
	t.Parallel()
	const head = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	for text, want := range map[string]Reason{
		"HTTP/1.1 400 Bad Request" + head + "400 Bad Request":                                                                                           Malformed,
		"HTTP/1.1 400 Bad Request: missing required Host header" + head + "400 Bad Request: missing required Host header":                               NoHost,
		"HTTP/1.1 400 Bad Request: malformed Host header" + head + "400 Bad Request: malformed Host header":                                             BadHost,
		"HTTP/1.1 400 Bad Request: news of another version" + head + "400 Bad Request: news of another version":                                         Malformed,
		"HTTP/1.1 431 Request Header Fields Too Large" + head + "431 Request Header Fields Too Large":                                                   HeadersTooLarge,
		"HTTP/1.1 501 Not Implemented" + head + "Unsupported transfer encoding":                                                                         BadTransferEncoding,
		"HTTP/1.1 505 HTTP Version Not Supported: unsupported protocol version" + head + "505 HTTP Version Not Supported: unsupported protocol version": BadVersion,
		"HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n":                      BadExpectation,
		"HTTP/1.0 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n":                                                             BadExpectation,
	} {
		if got, its := ownAnswer([]byte(text)); !its || got != want {
			t.Errorf("%q is taken for %d, %t", text, got, its)
		}
	}
	for _, text := range []string{
		"", "H", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK" + head, "HTTP/1.1 4", "HTTP/1.1 400", "HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 400 Bad Request\r\nContent-Security-Policy: default-src 'none'\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n\r\n{}",
		`{"content": "HTTP/1.1 400 Bad Request` + strings.ReplaceAll(head, "\r\n", `\r\n`) + `"}`,
		`HTTP/1.1 400 Bad Request` + strings.ReplaceAll(head, "\r\n", `\r\n`), // a piece of a body
	} {
		if got, its := ownAnswer([]byte(text)); its {
			t.Errorf("%q is taken for an answer of net/http's own: %d", text, got)
		}
	}
}

// flaky is a listener without a free descriptor at first.
type flaky struct {
	net.Listener

	faults int
}

func (l *flaky) Accept() (net.Conn, error) {
	if l.faults > 0 {
		l.faults--
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}

func TestAListenerSurvivesWhatPasses(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]*tls.Config{"plain": nil, "TLS": {}} {
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l := Listen(&flaky{inner, 2}, Config{TLS: config, Log: slog.New(slog.DiscardHandler)})
		for range 2 {
			if _, err := l.Accept(); err == nil || !strings.Contains(err.Error(), "too many open files") {
				t.Errorf("%s: the fault is %v", name, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for range 2 {
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: after its end: %v", name, err)
			}
		}
	}
}

func BenchmarkWatch(b *testing.B) {
	request := []byte("GET /api/v1/projects?page_size=50 HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n" +
		"Accept: application/json\r\nAccept-Encoding: gzip, deflate, br\r\nAuthorization: Bearer " + strings.Repeat("a", 400) + "\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n")
	var f framing
	b.SetBytes(int64(len(request)))
	b.ReportAllocs()
	for b.Loop() {
		if _, fault := f.watch(request); fault != 0 {
			b.Fatal(fault)
		}
	}
}
