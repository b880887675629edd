package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// redis is one connection that many requests share: commands are written one
// behind the other, and answers come in the same order.
type redis struct {
	mu      sync.Mutex
	writing atomic.Int32
	out     *bufio.Writer
	waiting chan chan reply
	slots   sync.Pool
	// script is the name of the limiter's script.
	script string
}

// reply is the strings of an answer; nil for one that is missing.
type reply struct {
	values [][]byte
	err    error
}

// mostWaiting is more than there are requests at any time.
const maxWaiting = 4096

func dialRedis(ctx context.Context, address string) (*redis, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect to Redis: %w", err)
	}
	r := &redis{out: bufio.NewWriterSize(conn, 32<<10), waiting: make(chan chan reply, maxWaiting)}
	r.slots.New = func() any { return make(chan reply, 1) }
	go r.listen(bufio.NewReaderSize(conn, 32<<10))
	loaded, err := r.do(ctx, "SCRIPT", "LOAD", limitScript)
	if err != nil {
		return nil, fmt.Errorf("load the script of the limiter: %w", err)
	}
	r.script = string(loaded[0])
	return r, nil
}

// do sends a command and waits for its reply.
func (r *redis) do(ctx context.Context, command ...string) ([][]byte, error) {
	replies, err := r.doAll(ctx, command)
	if err != nil {
		return nil, err
	}
	return replies[0], nil
}

// doAll sends commands in one piece and waits for their replies.
func (r *redis) doAll(ctx context.Context, commands ...[]string) ([][][]byte, error) {
	slots := make([]chan reply, len(commands))
	r.writing.Add(1)
	r.mu.Lock()
	r.writing.Add(-1)
	for n, command := range commands {
		slots[n], _ = r.slots.Get().(chan reply)
		r.write(command)
		r.waiting <- slots[n]
	}
	var err error
	if r.writing.Load() == 0 { // else the next caller flushes for all
		err = r.out.Flush()
	}
	r.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("call Redis: %w", err)
	}
	replies := make([][][]byte, len(commands))
	for n, slot := range slots {
		select {
		case answer := <-slot:
			r.slots.Put(slot)
			if answer.err != nil {
				return nil, answer.err
			}
			replies[n] = answer.values
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return replies, nil
}

// write appends a command; what fails shows when it is flushed.
func (r *redis) write(args []string) {
	var number [20]byte
	head := func(kind byte, n int) {
		_ = r.out.WriteByte(kind)
		_, _ = r.out.Write(strconv.AppendInt(number[:0], int64(n), 10))
		_, _ = r.out.WriteString("\r\n")
	}
	head('*', len(args))
	for _, arg := range args {
		head('$', len(arg))
		_, _ = r.out.WriteString(arg)
		_, _ = r.out.WriteString("\r\n")
	}
}

// listen delivers each reply to its waiter, until the connection ends.
func (r *redis) listen(in *bufio.Reader) {
	var broken error
	for slot := range r.waiting {
		var answer reply
		if broken == nil {
			answer.values, answer.err = read(in)
			if answer.err != nil && !errors.Is(answer.err, errRedis) {
				broken = answer.err
			}
		}
		if broken != nil {
			answer.err = broken
		}
		slot <- answer
	}
}

var errRedis = errors.New("refused by Redis")

func read(in *bufio.Reader) ([][]byte, error) {
	kind, text, err := head(in)
	if err != nil {
		return nil, err
	}
	switch kind {
	case '+', ':':
		return [][]byte{[]byte(text)}, nil
	case '-':
		return nil, fmt.Errorf("%w: %s", errRedis, text)
	case '$':
		value, err := bulk(in, text)
		return [][]byte{value}, err
	case '*':
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		values := make([][]byte, n)
		for n := range values {
			kind, text, err := head(in)
			if err != nil || kind != '$' {
				return nil, errors.Join(err, io.ErrUnexpectedEOF)
			}
			if values[n], err = bulk(in, text); err != nil {
				return nil, err
			}
		}
		return values, nil
	}
	return nil, io.ErrUnexpectedEOF
}

// head reads the line that begins a value.
func head(in *bufio.Reader) (kind byte, text string, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil || len(line) < 3 {
		return 0, "", errors.Join(err, io.ErrUnexpectedEOF)
	}
	return line[0], string(line[1 : len(line)-2]), nil
}

// bulk reads the string of a length; nil for a missing one.
func bulk(in *bufio.Reader, length string) ([]byte, error) {
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 {
		return nil, err
	}
	value := make([]byte, n+2)
	_, err = io.ReadFull(in, value)
	return value[:n], err
}
