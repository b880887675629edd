package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/codegenapp/codegenapp/internal/admission"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
)

const (
	// eventWriteTimeout is how long a client may take to read eventChunk bytes. A slower
	// one is disconnected, and comes back with its last id.
	eventWriteTimeout = 10 * time.Second
	eventChunk        = 16 << 10
)

// eventWriter writes a stream of server-sent events.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	now     func() time.Time
	// budget bounds what waits for slow clients.
	budget *admission.Bytes
	caller string
}

// start sends the headers and the first lines.
func (e *eventWriter) start(reconnect time.Duration, text []byte) error {
	h := e.w.Header()
	h.Set("Content-Type", openapi.EventStream)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx passes each event on at once
	e.w.WriteHeader(http.StatusOK)
	lines := appendRetry(nil, reconnect)
	if len(text) == 0 {
		lines = append(lines, '\n')
	}
	return e.write(append(lines, text...))
}

// write sends text at once. Its error means that the connection is of no use any more.
func (e *eventWriter) write(text []byte) error {
	account := e.budget.Open(e.caller)
	defer account.Close()
	if err := account.Add(len(text)); err != nil {
		return err
	}
	for len(text) > 0 {
		n := min(len(text), eventChunk)
		if err := e.control.SetWriteDeadline(e.now().Add(eventWriteTimeout)); err != nil {
			return err
		}
		if _, err := e.w.Write(text[:n]); err != nil {
			return err
		}
		if err := e.control.Flush(); err != nil {
			return err
		}
		text = text[n:]
	}
	return e.control.SetWriteDeadline(time.Time{}) // an idle stream has none
}

// end sends the last event.
func (e *eventWriter) end(reason string) {
	var text []byte
	if reason == "shutdown" {
		text = appendRetry(text, shutdownDelay())
	}
	_ = e.write(appendEvent(text, 0, "end", struct { // the client may have disconnected
		Reason string `json:"reason"`
	}{reason}))
}

// appendRetry appends how long the client has to wait before it reconnects.
func appendRetry(text []byte, d time.Duration) []byte {
	text = strconv.AppendInt(append(text, "retry: "...), d.Milliseconds(), 10)
	return append(text, '\n')
}

// appendID appends an id without an event.
func appendID(text []byte, id int64) []byte {
	return append(strconv.AppendInt(append(text, "id: "...), id, 10), "\n\n"...)
}

// appendEvent appends an event; without an id if that is zero.
func appendEvent(text []byte, id int64, name string, data any) []byte {
	if id > 0 {
		text = append(strconv.AppendInt(append(text, "id: "...), id, 10), '\n')
	}
	text = append(append(append(text, "event: "...), name...), "\ndata: "...)
	return append(appendJSON(text, data), "\n\n"...)
}

// revisionHead is the event of a revision up to its changes.
func revisionHead(c history.Change) []byte {
	text := appendEvent(nil, c.Revision, "change", struct {
		Revision int64     `json:"revision"`
		At       timestamp `json:"at"`
		Actor    actor     `json:"actor"`
	}{c.Revision, timestamp(c.At), actorOf(c.Actor)})
	return append(text[:len(text)-len("}\n\n")], `,"changes":[`...)
}

// appendJSON appends a value on one line.
func appendJSON(text []byte, v any) []byte {
	encoded, err := json.Marshal(v, jsonOptions)
	if err != nil {
		panic("encode an event: " + err.Error()) // its types are the program's
	}
	return append(text, encoded...)
}
