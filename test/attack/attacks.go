package main

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/test/fleet"
)

// attack is something that one address or one user does for a time.
type attack struct {
	name string
	run  func(ctx context.Context, t *target, responses *tally)
}

const (
	refreshPath = "/api/v1/auth/refresh"
	mebibyte    = 1 << 20
	// pauseAfterLimit is how long a connection pauses after it met the rate limit.
	pauseAfterLimit = 250 * time.Millisecond
)

// attacks are the attacks, in the order in which they run.
var attacks = []attack{
	{"unknown fields, without a token", sendBodies(8, false, http.MethodPost, refreshPath, unknownFields)},
	{"small objects, without a token", sendBodies(30, false, http.MethodPost, refreshPath, smallObjects)},
	{"small objects in chunks, without a token", sendBodies(30, true, http.MethodPost, refreshPath, smallObjects)},
	{"a sign-in of small values", sendBodies(30, true, http.MethodPost, "/api/v1/auth/login", smallObjects)},
	{"unknown fields of a user", asUser(sendBodies(30, false, http.MethodPost, "/api/v1/projects", unknownFields))},
	{"a long order of a user", asUser(sendBodies(30, false, http.MethodPut, "/api/v1/specs/01a2043e-6e8b-7c3d-9a41-5b0e27d683d1/items/reorder", longOrder))},
	{"small objects of a user, the last byte late", asUser(sendBodies(64, true, http.MethodPost, "/api/v1/projects", smallObjects))},
	{"one large object of a user", asUser(sendBodies(30, true, http.MethodPost, "/api/v1/projects", largeObject))},
	{"long lists, read slowly by 64", readSlowly("/api/v1/projects/%s/specs?page_size=100")},
	{"the largest specification, read slowly by 64", readSlowly("/api/v1/projects/%s/specs?page_size=1&order_by=number")},
	{"the items of the largest one, read slowly by 64", readItemsSlowly},
	{"10,000 refused sign-ins", refusals},
	{"5,000 connections that send nothing", silence},
}

func unknownFields() string {
	var b strings.Builder
	b.WriteByte('{')
	for n := range 80_000 {
		fmt.Fprintf(&b, `"k%d":1,`, n)
	}
	return strings.TrimSuffix(b.String(), ",") + "}"
}

func smallObjects() string {
	return `{"refresh_token":[` + strings.Repeat(`{"":1},`, mebibyte/7-10) + `{}]}`
}

func longOrder() string { return `{"item_ids":[` + strings.Repeat("1,", mebibyte/2-20) + `1]}` }

func largeObject() string { return `{"title":` + unknownFields() + `}` }

// identity is the origin of an attack: an address, and a token or none.
type identity struct{ address, token string }

type identityKey struct{}

// asUser lets the attacker's user run an attack.
func asUser(run func(context.Context, *target, *tally)) func(context.Context, *target, *tally) {
	return func(ctx context.Context, t *target, responses *tally) {
		run(context.WithValue(ctx, identityKey{}, identity{t.bad.address, t.bad.token}), t, responses)
	}
}

func identityOf(ctx context.Context) identity {
	if i, ok := ctx.Value(identityKey{}).(identity); ok {
		return i
	}
	return identity{address: "198.51.100.1"}
}

// sendBodies sends a body over several connections again and again. With late the last
// byte follows when all connections have sent the rest.
func sendBodies(connections int, late bool, method, path string, body func() string) func(context.Context, *target, *tally) {
	return func(ctx context.Context, t *target, responses *tally) {
		text, from := body(), identityOf(ctx)
		var sent, working sync.WaitGroup
		sent.Add(connections)
		send := func(first bool) {
			response := sendRaw(ctx, t, from, method, path, text, func() {
				if first && late {
					sent.Done()
					sent.Wait()
				}
			})
			responses.add(response)
			if response == "429" { // beyond the rate limit it would be a flood, which costs this machine most
				_ = fleet.Sleep(ctx, pauseAfterLimit)
			}
		}
		for range connections {
			working.Go(func() {
				for first := true; ctx.Err() == nil; first = false {
					send(first)
				}
			})
		}
		working.Wait()
	}
}

// sendRaw sends a request, and returns the status of the response, or how it failed.
func sendRaw(ctx context.Context, t *target, from identity, method, path, body string, beforeLast func()) string {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", t.address)
	if err != nil {
		beforeLast()
		return "no connection"
	}
	defer func() { _ = conn.Close() }() // the attack is over
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	lines := []string{method + " " + path + " HTTP/1.1", "Host: localhost", "Content-Type: application/json", "X-Forwarded-For: " + from.address, "Connection: close"}
	if from.token != "" {
		lines = append(lines, "Authorization: Bearer "+from.token)
	}
	if body != "" {
		lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	_, err = conn.Write([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n" + body[:max(len(body)-1, 0)]))
	beforeLast()
	if err == nil && body != "" {
		_, _ = conn.Write([]byte(body[len(body)-1:])) // the response says more than an error here
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if parts := strings.Fields(line); err == nil && len(parts) > 1 {
		return parts[1]
	}
	return "no response"
}

// readSlowly requests a path of the attacker's project over 64 connections, and reads
// 100 bytes of each response.
func readSlowly(path string) func(context.Context, *target, *tally) {
	return func(ctx context.Context, t *target, responses *tally) {
		holdResponses(ctx, t, fmt.Sprintf(path, t.bad.project), responses)
	}
}

func readItemsSlowly(ctx context.Context, t *target, responses *tally) {
	var id string
	if err := t.fleet.Primary.QueryIn(ctx, "codegenapp", &id, "SELECT id::text FROM specifications WHERE number = 1 AND project_id = '"+t.bad.project+"'"); err != nil {
		responses.add(err.Error())
		return
	}
	holdResponses(ctx, t, "/api/v1/specs/"+id+"?include=items", responses)
}

func holdResponses(ctx context.Context, t *target, path string, responses *tally) {
	var reading sync.WaitGroup
	for range 64 {
		reading.Go(func() {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", t.address)
			if err != nil {
				responses.add("no connection")
				return
			}
			defer func() { _ = conn.Close() }() // the attack is over
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: %s\r\nAuthorization: Bearer %s\r\n\r\n", path, t.bad.address, t.bad.token)
			line := make([]byte, 100)
			n, _ := conn.Read(line) // an empty line counts as no response
			if parts := strings.Fields(string(line[:n])); len(parts) > 1 {
				responses.add(parts[1])
			} else {
				responses.add("no response")
			}
			<-ctx.Done()
		})
		time.Sleep(10 * time.Millisecond) //nolint:forbidigo // an attack is spread, so that each request runs
	}
	reading.Wait()
}

// refusals sends sign-ins that are refused, from as many addresses as it takes to pass
// the limit of each.
func refusals(ctx context.Context, t *target, responses *tally) {
	var working sync.WaitGroup
	for worker := range 8 {
		working.Go(func() {
			for n := worker; n < 10_000 && ctx.Err() == nil; n += 8 {
				from := user{address: fmt.Sprintf("2001:db8:%x::1", n/10)}
				status, _, err := t.send(ctx, from, http.MethodPost, "/api/v1/auth/login", `{"id_token":"x"}`)
				if err == nil {
					responses.add(strconv.Itoa(status))
				}
			}
		})
	}
	working.Wait()
}

// silence opens connections and sends nothing.
func silence(ctx context.Context, t *target, responses *tally) {
	var conns []net.Conn
	for range 5000 {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", t.address)
		if err != nil {
			responses.add("no connection")
			break
		}
		conns = append(conns, conn)
	}
	responses.add(fmt.Sprintf("%d connections", len(conns)))
	<-ctx.Done()
	for _, conn := range conns {
		_ = conn.Close() // the attack is over
	}
}

// tally counts responses.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func newTally() *tally { return &tally{counts: map[string]int{}} }

func (t *tally) add(response string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[response]++
}

// String lists the responses and how often each came.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for _, response := range slices.Sorted(maps.Keys(t.counts)) {
		all = append(all, fmt.Sprintf("%s × %d", response, t.counts[response]))
	}
	return strings.Join(all, ", ")
}
