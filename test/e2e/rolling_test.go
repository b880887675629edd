package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// TestNoRequestFailsWhileReplicasAreReplaced restarts three replicas one after the
// other behind a load balancer, under load, and wants every request to be answered
// as if nothing happened.
func TestNoRequestFailsWhileReplicasAreReplaced(t *testing.T) {
	t.Parallel()
	fleet := newRolling(t)
	load := fleet.load(testkit.Repetitions(2, 8)) // every day other tests run beside it
	for range testkit.Repetitions(1, 20) {
		fleet.roll()
	}
	load.end()
	t.Logf("%d requests, %d failed", load.sent.Load(), len(load.failed))
	for _, failed := range load.failed {
		t.Error(failed)
	}
	if load.sent.Load() < 500 {
		t.Errorf("%d requests are no load", load.sent.Load())
	}
}

// rolling is three replicas behind a load balancer that asks for their readiness.
type rolling struct {
	t        *testing.T
	google   *testkit.Issuer
	envs     [][]string
	replicas []*server
	// URL is the load balancer's.
	URL string
}

const (
	// rollingDrain is how long a replica drains, and asked how often the load
	// balancer looks whether it does.
	rollingDrain = 1500 * time.Millisecond
	asked        = 200 * time.Millisecond
)

func newRolling(t *testing.T) *rolling {
	t.Helper()
	balancer, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("there is no haproxy, a package of Debian's, to be the load balancer")
	}
	redis, err := redisserver.Start(context.WithoutCancel(t.Context()), t.TempDir())
	must(t, err)
	t.Cleanup(redis.Stop)
	db := testkit.NewDatabase(t)
	r := &rolling{t: t, google: testkit.NewIssuer(t)}
	var lines []string
	for n := range 3 {
		address := quietAddress(t)
		r.envs = append(r.envs, serveEnv(db.Service, r.google.URL, "HTTP_ADDR="+address, "REDIS_URL="+redis.URL(), "LOG_LEVEL=INFO",
			"SHUTDOWN_DRAIN="+rollingDrain.String()))
		r.replicas = append(r.replicas, serve(t, r.envs[n]).ready())
		lines = append(lines, fmt.Sprintf("  server replica-%d %s check inter %d fall 1 rise 1", n, address, asked.Milliseconds()))
	}
	address := freeAddress(t)
	config := filepath.Join(t.TempDir(), "haproxy.cfg")
	must(t, os.WriteFile(config, []byte(strings.Join(append([]string{
		"defaults", "  mode http", "  timeout connect 1s", "  timeout client 30s", "  timeout server 30s",
		"frontend in", "  bind " + address, "  default_backend replicas",
		"backend replicas", "  balance roundrobin", "  option httpchk GET /health/ready", "  http-check expect status 200",
	}, lines...), "\n")+"\n"), 0o600))
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), balancer, "-db", "-q", "-f", config)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	dieWithUs(cmd.SysProcAttr)
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // the kernel watches the thread that starts a child
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed in the end
		}
	}()
	must(t, <-started)
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	r.URL = "http://" + address
	await(t, "the load balancer listens", func() bool {
		a, err := try(t, http.MethodGet, r.URL+"/health/live", "", "")
		return err == nil && a.Status == http.StatusOK
	})
	return r
}

// roll replaces each replica by a new one, after the one before is back.
func (r *rolling) roll() {
	r.t.Helper()
	for n, old := range r.replicas {
		old.signal(syscall.SIGTERM)
		old.wantExit(0)
		r.replicas[n] = serve(r.t, r.envs[n]).ready()
		time.Sleep(3 * asked) // until the load balancer knows
	}
}

// rollingLoad is users who work all the time.
type rollingLoad struct {
	stop    context.CancelFunc
	working sync.WaitGroup
	sent    atomic.Int64

	mu     sync.Mutex
	failed []string
}

func (r *rolling) load(users int) *rollingLoad {
	r.t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(r.t.Context()))
	l := &rollingLoad{stop: stop}
	r.t.Cleanup(l.end)
	for n := range users {
		via := &server{process: r.replicas[0].process, URL: r.URL}
		token := via.signIn(r.google, fmt.Sprintf("user-%d@example.com", n))
		l.working.Go(func() { l.work(ctx, r.URL, token) })
	}
	return l
}

func (l *rollingLoad) end() {
	l.stop()
	l.working.Wait()
}

// work creates, reads, changes and throws away, again and again.
func (l *rollingLoad) work(ctx context.Context, url, token string) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		made := l.ask(client, http.MethodPost, url+"/api/v1/projects", token, `{"title":"Rolling"}`, http.StatusCreated)
		path := made.Get("Location")
		if path == "" {
			continue
		}
		l.ask(client, http.MethodGet, url+path, token, "", http.StatusOK)
		l.ask(client, http.MethodPatch, url+path, token, `{"title":"Rolled"}`, http.StatusOK)
		l.ask(client, http.MethodGet, url+path, token, "", http.StatusOK)
		l.ask(client, http.MethodDelete, url+path, token, "", http.StatusNoContent)
	}
}

// ask sends a request, and notes it if it is not answered as it has to be.
func (l *rollingLoad) ask(client *http.Client, method, url, token, body string, want int) http.Header {
	l.sent.Add(1)
	got, err := tryAs(client, method, url, token, body)
	if err == nil && got.StatusCode == want {
		return got.Header
	}
	why := fmt.Sprint(err)
	if err == nil {
		why = got.Status
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = append(l.failed, fmt.Sprintf("%s  %s %s: %s", time.Now().Format(time.TimeOnly), method, url, why))
	return nil
}

// tryAs sends a request, and reads the answer to its end. Its status says all of it
// where it is a problem.
func tryAs(client *http.Client, method, url, token, body string) (*http.Response, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	got, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if got.StatusCode >= http.StatusBadRequest {
		got.Status += " " + string(text)
	}
	return got, err
}

// quietAddress is a free one that no connection from here takes meanwhile: those
// take ports from 32768 on.
func quietAddress(t *testing.T) string {
	t.Helper()
	for {
		address := "127.0.0.1:" + strconv.Itoa(20_000+rand.IntN(12_000))
		if l, err := net.Listen("tcp", address); err == nil {
			must(t, l.Close())
			return address
		}
	}
}
