package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// nginxBefore runs nginx with the configuration that is shipped, before a server. It
// returns the address of nginx.
func nginxBefore(t *testing.T, server string) (address string) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	shipped, err := os.ReadFile("../../infrastructure/systemd/nginx.conf")
	must(t, err)
	dir, certificate := publicDir(t), testkit.NewCertificateFiles(t, testkit.NewCertificate(t, "nginx"))
	address = freeAddress(t)
	site := strings.NewReplacer(
		"listen 443 ssl", "listen "+address+" ssl", "listen [::]:443 ssl http2;", "",
		"/etc/codegenapp/tls/fullchain.pem", certificate.Cert, "/etc/codegenapp/tls/privkey.pem", certificate.Key,
		"http://127.0.0.1:8080", server,
	).Replace(string(shipped))
	config := filepath.Join(dir, "nginx.conf")
	main := fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;\nevents {}\n"+
		"http { access_log off; client_body_temp_path %[1]s/bodies; proxy_temp_path %[1]s/answers;\n%[2]s}\n", dir, site)
	must(t, os.WriteFile(config, []byte(main), 0o600))
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-c", config, "-p", dir)
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
	waitUntil(t, "nginx listens", func() bool {
		conn, err := net.Dial("tcp", address)
		return err == nil && conn.Close() == nil
	})
	return address
}

// sendPartOfBody sends headers that announce a body, and up to the first bytes of it.
// It returns the response and how many bytes were accepted before it.
func sendPartOfBody(t *testing.T, address, path string, announced, sent int64) (*http.Response, int64) {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(10*time.Second))) // less than the server waits for a body
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: api.example.com\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, announced)
	must(t, err)
	responses := make(chan *http.Response, 1)
	go func() {
		defer close(responses)
		if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			responses <- response
		}
	}()
	part, accepted := bytes.Repeat([]byte(" "), 64<<10), int64(0)
	for len(responses) == 0 && accepted < sent {
		n, err := conn.Write(part[:min(int64(len(part)), sent-accepted)])
		accepted += int64(n)
		if err != nil {
			break // it was answered and closed
		}
	}
	response := <-responses
	if response == nil {
		t.Fatalf("no response after %d bytes of a body", accepted)
	}
	return response, accepted
}

func problemCode(t *testing.T, response *http.Response) string {
	t.Helper()
	var problem struct{ Code string }
	body, err := io.ReadAll(response.Body)
	must(t, err)
	if err := json.Unmarshal(body, &problem); err != nil {
		t.Errorf("not a problem document: %s", body)
	}
	return problem.Code
}

func TestNginx_BodiesGoToTheServerAndNeverToTheDisk(t *testing.T) {
	t.Parallel()
	google := testkit.NewIssuer(t)
	backend := serve(t, serveEnv(testkit.NewDatabase(t).Service, google.URL, "TRUSTED_PROXIES=127.0.0.1")).waitReady()
	address := nginxBefore(t, backend.URL)
	for name, tc := range map[string]struct {
		path            string
		announced, sent int64
		status          int
		code            string
	}{
		"400 MiB":                       {"/api/v1/auth/refresh", 400 << 20, 399 << 20, 413, "body_too_large"},
		"more than the server accepts":  {"/api/v1/auth/refresh", 3 << 19, 3 << 19, 413, "body_too_large"},
		"a part, and no token":          {"/api/v1/projects", 900 << 10, 50 << 10, 401, "token_missing"},
		"a part of 400 MiB, at no path": {"/api/v1/nowhere", 400 << 20, 1 << 20, 413, "body_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			response, accepted := sendPartOfBody(t, address, tc.path, tc.announced, tc.sent)
			if code := problemCode(t, response); response.StatusCode != tc.status || code != tc.code {
				t.Errorf("%d %s, want %d %s", response.StatusCode, code, tc.status, tc.code)
			}
			if accepted > 64<<20 { // what was sent until the response arrived
				t.Errorf("%d bytes were accepted", accepted)
			}
		})
	}
	backend.signal(syscall.SIGTERM)
	backend.wantExit(0)
	response, _ := sendPartOfBody(t, address, "/api/v1/projects", 2, 2)
	if code := problemCode(t, response); response.StatusCode != http.StatusServiceUnavailable || code != "unavailable" || response.Header.Get("Retry-After") == "" {
		t.Errorf("without a server: %d %s", response.StatusCode, code)
	}
}
