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

// Three replicas behind a load balancer are restarted one after the other, under load.
// No request may fail.
func TestShutdown_RollingUpdateFailsNoRequest(t *testing.T) {
	t.Parallel()
	fleet := newRollingUpdate(t)
	load := fleet.load(testkit.Repetitions(2, 8)) // the short test runs concurrently with others
	for range testkit.Repetitions(1, 20) {
		fleet.replaceReplicas()
	}
	load.end()
	t.Logf("%d requests, %d failed", load.sent.Load(), len(load.failed))
	for _, failed := range load.failed {
		t.Error(failed)
	}
	if load.sent.Load() < 500 {
		t.Errorf("%d requests are too few", load.sent.Load())
	}
}

// rollingUpdate is three replicas behind a load balancer with readiness checks.
type rollingUpdate struct {
	t        *testing.T
	google   *testkit.Issuer
	envs     [][]string
	replicas []*server
	// URL is the load balancer's.
	URL string
}

const (
	// drainTime is the drain time of a replica, healthCheckInterval that of the load
	// balancer's checks.
	drainTime           = 1500 * time.Millisecond
	healthCheckInterval = 200 * time.Millisecond
)

func newRollingUpdate(t *testing.T) *rollingUpdate {
	t.Helper()
	balancer, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy, the load balancer, is not installed")
	}
	redis, err := redisserver.Start(context.WithoutCancel(t.Context()), t.TempDir())
	must(t, err)
	t.Cleanup(redis.Stop)
	db := testkit.NewDatabase(t)
	r := &rollingUpdate{t: t, google: testkit.NewIssuer(t)}
	var lines []string
	for n := range 3 {
		address := unusedAddress(t)
		r.envs = append(r.envs, serveEnv(db.Service, r.google.URL, "HTTP_ADDR="+address, "REDIS_URL="+redis.URL(), "LOG_LEVEL=INFO",
			"SHUTDOWN_DRAIN="+drainTime.String()))
		r.replicas = append(r.replicas, serve(t, r.envs[n]).waitReady())
		lines = append(lines, fmt.Sprintf("  server replica-%d %s check inter %d fall 1 rise 1", n, address, healthCheckInterval.Milliseconds()))
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
	exitWithParent(cmd.SysProcAttr)
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
	waitUntil(t, "the load balancer listens", func() bool {
		a, err := trySend(t, http.MethodGet, r.URL+"/health/live", "", "")
		return err == nil && a.Status == http.StatusOK
	})
	return r
}

// replaceReplicas replaces each replica, after the previous one is ready.
func (r *rollingUpdate) replaceReplicas() {
	r.t.Helper()
	for n, old := range r.replicas {
		old.signal(syscall.SIGTERM)
		old.wantExit(0)
		r.replicas[n] = serve(r.t, r.envs[n]).waitReady()
		time.Sleep(3 * healthCheckInterval) // time for the load balancer to notice
	}
}

// rollingLoad is users with continuous requests.
type rollingLoad struct {
	stop    context.CancelFunc
	working sync.WaitGroup
	sent    atomic.Int64

	mu     sync.Mutex
	failed []string
}

func (r *rollingUpdate) load(users int) *rollingLoad {
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

// work creates, reads, changes and deletes projects repeatedly.
func (l *rollingLoad) work(ctx context.Context, url, token string) {
	client := &http.Client{Timeout: waitTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		made := l.send(client, http.MethodPost, url+"/api/v1/projects", token, `{"title":"Rolling"}`, http.StatusCreated)
		path := made.Get("Location")
		if path == "" {
			continue
		}
		l.send(client, http.MethodGet, url+path, token, "", http.StatusOK)
		l.send(client, http.MethodPatch, url+path, token, `{"title":"Rolled"}`, http.StatusOK)
		l.send(client, http.MethodGet, url+path, token, "", http.StatusOK)
		l.send(client, http.MethodDelete, url+path, token, "", http.StatusNoContent)
	}
}

// send sends a request, and records an unexpected response.
func (l *rollingLoad) send(client *http.Client, method, url, token, body string, want int) http.Header {
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

// tryAs sends a request, and reads the response. The status of an error includes its body.
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

// unusedAddress is a free address outside of the range of ephemeral ports, which begins at
// 32768, so that no outgoing connection takes it meanwhile.
func unusedAddress(t *testing.T) string {
	t.Helper()
	for {
		address := "127.0.0.1:" + strconv.Itoa(20_000+rand.IntN(12_000))
		if l, err := net.Listen("tcp", address); err == nil {
			must(t, l.Close())
			return address
		}
	}
}
