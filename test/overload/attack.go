package main

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// attack describes the load: writes to these projects, each by its owner.
type attack struct {
	URL           string
	Paths, Tokens []string
	Rate          int // a second
	Length        time.Duration
}

// counts are the results of an attack.
type counts struct {
	Sent, Succeeded, Shed, Other int
	// Served and ShedIn are the latencies of successful and of shed requests.
	Served, ShedIn vegeta.LatencyMetrics
	// Unexpected is one of the other responses.
	Unexpected string
}

// runAttack runs the attack in another process, so that the proxies in this process do
// not compete with it.
func runAttack(ctx context.Context, a attack) (came counts, err error) {
	var text bytes.Buffer
	if err := gob.NewEncoder(&text).Encode(a); err != nil {
		return came, fmt.Errorf("write the attack: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return came, fmt.Errorf("find the program: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "-attack") //nolint:gosec // it is this program
	cmd.Stdin, cmd.Stderr = &text, os.Stderr
	told, err := cmd.Output()
	if err != nil {
		return came, fmt.Errorf("attack: %w", err)
	}
	return came, gob.NewDecoder(bytes.NewReader(told)).Decode(&came)
}

// serveAttack is the other process: it reads the attack, and writes its results.
func serveAttack(in io.Reader, out io.Writer) error {
	var a attack
	if err := gob.NewDecoder(in).Decode(&a); err != nil {
		return fmt.Errorf("read the attack: %w", err)
	}
	attacker := vegeta.NewAttacker(vegeta.Workers(callers), vegeta.MaxWorkers(4096), vegeta.Connections(4096), vegeta.Timeout(10*time.Second))
	target := func(t *vegeta.Target) error {
		n := rand.IntN(len(a.Paths)) //nolint:gosec // not a secret
		t.Method, t.URL, t.Body = http.MethodPatch, a.URL+a.Paths[n], []byte(newTitle())
		t.Header = http.Header{"Authorization": {"Bearer " + a.Tokens[n]}, "Content-Type": {"application/json"}}
		return nil
	}
	var came counts
	var served, shed vegeta.Metrics
	for answer := range attacker.Attack(target, vegeta.Rate{Freq: a.Rate, Per: time.Second}, a.Length, "flood") {
		came.Sent++
		switch answer.Code {
		case http.StatusOK:
			came.Succeeded++
			served.Add(answer)
		case http.StatusServiceUnavailable:
			came.Shed++
			shed.Add(answer)
		default:
			came.Other++
			came.Unexpected = fmt.Sprintf("%d %s %s", answer.Code, answer.Error, answer.Body)
		}
	}
	served.Close()
	shed.Close()
	came.Served, came.ShedIn = served.Latencies, shed.Latencies
	return gob.NewEncoder(out).Encode(came)
}
