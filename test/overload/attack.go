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

// attack is what a flood consists of: changes of these projects, each by its owner.
type attack struct {
	URL           string
	Paths, Tokens []string
	Rate          int // a second
	Length        time.Duration
}

// answers are what came of it.
type answers struct {
	Asked, Done, Shed, Other int
	// Served and ShedIn are how long it took to carry out, and to refuse.
	Served, ShedIn vegeta.LatencyMetrics
	// Strange is one of the other answers.
	Strange string
}

// attackFromOutside lets another process attack, so that what stands for the network
// here does not wait for the flood.
func attackFromOutside(ctx context.Context, a attack) (came answers, err error) {
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

// attackFor is that other process: it reads the attack, and writes what came of it.
func attackFor(in io.Reader, out io.Writer) error {
	var a attack
	if err := gob.NewDecoder(in).Decode(&a); err != nil {
		return fmt.Errorf("read the attack: %w", err)
	}
	attacker := vegeta.NewAttacker(vegeta.Workers(callers), vegeta.MaxWorkers(4096), vegeta.Connections(4096), vegeta.Timeout(10*time.Second))
	target := func(t *vegeta.Target) error {
		n := rand.IntN(len(a.Paths)) //nolint:gosec // chance, no secret
		t.Method, t.URL, t.Body = http.MethodPatch, a.URL+a.Paths[n], []byte(newTitle())
		t.Header = http.Header{"Authorization": {"Bearer " + a.Tokens[n]}, "Content-Type": {"application/json"}}
		return nil
	}
	var came answers
	var served, shed vegeta.Metrics
	for answer := range attacker.Attack(target, vegeta.Rate{Freq: a.Rate, Per: time.Second}, a.Length, "flood") {
		came.Asked++
		switch answer.Code {
		case http.StatusOK:
			came.Done++
			served.Add(answer)
		case http.StatusServiceUnavailable:
			came.Shed++
			shed.Add(answer)
		default:
			came.Other++
			came.Strange = fmt.Sprintf("%d %s %s", answer.Code, answer.Error, answer.Body)
		}
	}
	served.Close()
	shed.Close()
	came.Served, came.ShedIn = served.Latencies, shed.Latencies
	return gob.NewEncoder(out).Encode(came)
}
