package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/codegenapp/codegenapp/internal/httpapi/wire"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// refusals are the faults of what is no request.
var refusals = map[wire.Reason]*problem.Error{
	wire.Malformed:           problem.New(malformedRequest, "This is not a request of HTTP/1.1: its first line or a header is malformed."),
	wire.NoHost:              problem.New(malformedRequest, "The request has no Host header."),
	wire.BadHost:             problem.New(malformedRequest, "The Host header is malformed."),
	wire.FoldedHeader:        problem.New(malformedRequest, "A header goes on in the next line, or begins with a blank."),
	wire.BadFraming:          problem.New(malformedRequest, "It is not clear where the body ends: Content-Length and Transfer-Encoding contradict each other, or cannot be read."),
	wire.BadTransferEncoding: problem.New(malformedRequest, "The one Transfer-Encoding that is taken is chunked."),
	wire.BadVersion:          problem.New(malformedRequest, "The version of HTTP is none that is spoken here."),
	wire.BadExpectation:      problem.New(malformedRequest, "The one expectation that is met is 100-continue."),
	wire.HeadersTooLarge:     problem.New(headersTooLarge, "The request line and the headers have more than %d bytes.", maxHeaderBytes),
	wire.PlainHTTP:           problem.New(httpsRequired, "This port speaks HTTPS, and the request came over plain HTTP."),
}

// Refuse is the answer to what is no request, for package wire: the problem, all
// that every answer has, and the end of the connection.
func (a *API) Refuse(reason wire.Reason, overHTTPS bool) []byte {
	known := &record{requestID: id.New[record]().String()}
	ctx := context.WithValue(context.Background(), recordKey{}, known)
	p := problemOf((&http.Request{URL: &url.URL{}}).WithContext(ctx), refusals[reason])
	a.Log.LogAttrs(ctx, slog.LevelInfo, "not a request",
		slog.String("request_id", known.requestID), slog.Int("status", p.Status), slog.String("code", p.Code), slog.String("detail", p.Detail))

	body, err := json.Marshal(p, jsonOptions)
	if err != nil {
		panic(fmt.Sprintf("write a refusal: %v", err)) // a struct of strings
	}
	h := http.Header{}
	secureAnswer(h, overHTTPS)
	h.Set("X-Request-Id", known.requestID)
	h.Set("Content-Type", p.ContentType(""))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Date", a.Now().UTC().Format(http.TimeFormat))
	h.Set("Connection", "close")
	var answer bytes.Buffer
	fmt.Fprintf(&answer, "HTTP/1.1 %d %s\r\n", p.Status, http.StatusText(p.Status))
	_ = h.Write(&answer) // a buffer takes everything
	answer.WriteString("\r\n")
	answer.Write(body)
	return answer.Bytes()
}
