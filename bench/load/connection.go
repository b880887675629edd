package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"
)

// connection is one connection and its caller.
type connection struct {
	address string
	caller  Caller
	conn    net.Conn
	reader  *bufio.Reader

	out    []byte
	answer Response
	// hasResponse is true after the first response.
	hasResponse bool
	// closing is true if the server closes the connection after the response.
	closing   bool
	latencies []time.Duration
}

func (c *connection) dial(ctx context.Context) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", c.address, err)
	}
	c.conn, c.reader, c.closing = conn, bufio.NewReaderSize(conn, 64<<10), false
	return nil
}

func (c *connection) close() {
	if c.conn != nil {
		c.conn.Close()
	}
}

// run makes requests until over is set.
func (c *connection) run(ctx context.Context, over *atomic.Bool, deadline time.Time) error {
	c.latencies = c.latencies[:0]
	if err := c.conn.SetDeadline(deadline); err != nil {
		return fmt.Errorf("bound the wait for %s: %w", c.address, err)
	}
	for !over.Load() {
		began := time.Now()
		if err := c.exchange(); err != nil {
			return err
		}
		c.latencies = append(c.latencies, time.Since(began))
		if c.closing {
			c.close()
			if err := c.dial(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// exchange makes one request and checks the response.
func (c *connection) exchange() error {
	var last *Response
	if c.hasResponse {
		last = &c.answer
	}
	var want Want
	c.out, want = c.caller.Next(c.out[:0], last)
	if _, err := c.conn.Write(c.out); err != nil {
		return fmt.Errorf("send to %s: %w", c.address, err)
	}
	if err := c.read(); err != nil {
		return fmt.Errorf("read the answer of %s to %s: %w", c.address, firstLine(c.out), err)
	}
	c.hasResponse = true
	if c.answer.Status != want.Status || !bytes.HasPrefix(c.answer.Body, want.Prefix) || !bytes.HasSuffix(c.answer.Body, want.Suffix) ||
		!bytes.Contains(c.answer.Body, want.Contains) {
		return fmt.Errorf("%s answers %s with %d and %.300q; wanted %d and %.80q … %.80q … %.40q",
			c.address, firstLine(c.out), c.answer.Status, c.answer.Body, want.Status, want.Prefix, want.Contains, want.Suffix)
	}
	return nil
}

func firstLine(request []byte) []byte {
	line, _, _ := bytes.Cut(request, []byte("\r\n"))
	return line
}

var errForm = errors.New("not the form of an HTTP/1.1 answer")

// read reads an answer into c.answer.
func (c *connection) read() error {
	line, err := c.line()
	if err != nil {
		return err
	}
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return errForm
	}
	if c.answer.Status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return errForm
	}
	length, chunked, err := c.header()
	if err != nil {
		return err
	}
	c.answer.Body = c.answer.Body[:0]
	switch {
	case c.answer.Status == 304 || c.answer.Status == 204:
		return nil
	case chunked:
		return c.chunks()
	case length < 0:
		return errForm
	}
	return c.body(length)
}

// header reads up to the empty line, and returns how the body is framed.
func (c *connection) header() (length int, chunked bool, err error) {
	length, c.answer.ETag = -1, c.answer.ETag[:0]
	for {
		line, err := c.line()
		if err != nil || len(line) == 0 {
			return length, chunked, err
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, false, errForm
			}
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("etag")):
			c.answer.ETag = append(c.answer.ETag, value...)
		case bytes.EqualFold(name, []byte("connection")):
			c.closing = bytes.EqualFold(value, []byte("close"))
		}
	}
}

// chunks reads a body in chunks (RFC 9112, section 7.1).
func (c *connection) chunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(line, []byte(";"))
		length, err := strconv.ParseUint(string(size), 16, 31)
		if err != nil {
			return errForm
		}
		if err := c.body(int(length)); err != nil {
			return err
		}
		if line, err = c.line(); err != nil {
			return err
		}
		if len(line) != 0 {
			return errForm
		}
		if length == 0 {
			return nil
		}
	}
}

// body reads so many bytes behind those that are there.
func (c *connection) body(length int) error {
	have := len(c.answer.Body)
	if cap(c.answer.Body) < have+length {
		c.answer.Body = append(make([]byte, 0, 2*(have+length)), c.answer.Body...)
	}
	c.answer.Body = c.answer.Body[:have+length]
	_, err := io.ReadFull(c.reader, c.answer.Body[have:])
	return err
}

// line reads a line without its end. It is valid until the next read.
func (c *connection) line() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}
