package testkit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Event is one server-sent event. An event without a name has an id only.
type Event struct{ ID, Name, Data string }

// EventStream is an open stream of events.
type EventStream struct {
	// Status is that of the response, Header are its headers.
	Status int
	Header http.Header
	// LastID is the id of the last event that Next has returned, also of one without data.
	LastID string
	// Retry is the last retry of the stream, in milliseconds. Read it behind the last event.
	Retry int

	t      testing.TB
	events chan Event
	close  context.CancelFunc
}

var streamClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 600, DisableCompression: true}}

// Follow opens a stream of events. The status may be any; an error ends the test.
func (c *Client) Follow(path string, headers ...string) *EventStream {
	c.t.Helper()
	s, err := c.TryFollow(path, headers...)
	if err != nil {
		c.t.Fatalf("GET %s: %v", path, err)
	}
	return s
}

// TryFollow is Follow for servers that may be away.
func (c *Client) TryFollow(path string, headers ...string) (*EventStream, error) {
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server.URL+path, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.Token)
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	answer, err := streamClient.Do(r)
	if err != nil {
		cancel()
		return nil, err
	}
	s := &EventStream{Status: answer.StatusCode, Header: answer.Header, t: c.t, events: make(chan Event, 64), close: cancel}
	c.t.Cleanup(cancel)
	go s.read(ctx, answer)
	return s, nil
}

// read parses the stream as the standard says: an event that is cut off is dropped.
func (s *EventStream) read(ctx context.Context, answer *http.Response) {
	defer answer.Body.Close()
	defer close(s.events)
	var e Event
	for lines := bufio.NewReader(answer.Body); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			e.ID = value
		case "event":
			e.Name = value
		case "data":
			e.Data += value
		case "retry":
			s.Retry, _ = strconv.Atoi(value)
		case "":
			if e == (Event{}) {
				continue
			}
			select {
			case s.events <- e:
			case <-ctx.Done():
				return
			}
			e = Event{}
		}
	}
}

// firstLines reads a stream up to the first blank line.
func firstLines(stream io.Reader) (text []byte, err error) {
	for lines := bufio.NewReader(stream); !bytes.HasSuffix(text, []byte("\n\n")) && err == nil; {
		var line []byte
		line, err = lines.ReadBytes('\n')
		text = append(text, line...)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text, err
}

// Next returns the next event with data. It reports false if the stream ends first, or
// after the timeout.
func (s *EventStream) Next(timeout time.Duration) (Event, bool) {
	late := time.NewTimer(timeout)
	defer late.Stop()
	for {
		select {
		case e, open := <-s.events:
			if e.ID != "" {
				s.LastID = e.ID
			}
			if !open || e.Data != "" {
				return e, open
			}
		case <-late.C:
			return Event{}, false
		}
	}
}

// Want returns the data of the next event, which has this name.
func (s *EventStream) Want(name string) map[string]any {
	s.t.Helper()
	e, ok := s.Next(20 * time.Second)
	if !ok || e.Name != name {
		s.t.Fatalf("the next event is %+v, want %s", e, name)
	}
	var data map[string]any
	if err := json.Unmarshal([]byte(e.Data), &data); err != nil {
		s.t.Fatalf("the data of %+v: %v", e, err)
	}
	return data
}

// Close disconnects.
func (s *EventStream) Close() { s.close() }
