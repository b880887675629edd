package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/bench/load"
	"github.com/codegenapp/codegenapp/bench/proc"
)

// measurePeers measures codegenapp and its peers at every scenario and number of
// connections.
func (b *bench) measurePeers(ctx context.Context) (document, error) {
	b.findPeers(ctx)
	worlds, err := b.prepare(ctx, []int{b.items})
	if err != nil {
		return nil, err
	}
	w := worlds[0]
	var all []measurement
	var tables document
	for _, s := range b.selectScenarios(scenarios()) {
		if err := b.verify(ctx, s, w); err != nil {
			return nil, err
		}
		first := len(all)
		for _, b.connections = range b.connectionCounts {
			m, err := b.measure(ctx, s, func(e contender) (sample, error) { return b.runTurn(ctx, s, e, w) })
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
		tables = append(tables, table(all[first:]))
	}
	doc := document{b.conditions(ctx, fmt.Sprintf("%d items", b.items))}
	if len(all) > 0 {
		doc = append(append(doc, summary(all), aimsTable(all)), tables...)
	}
	if b.only.MatchString("footprint") {
		table, err := b.footprint(ctx, w)
		if err != nil {
			return nil, err
		}
		doc = append(doc, table)
	}
	return doc, nil
}

// findPeers finds the programs of the peers, and leaves out the missing ones with a line.
func (b *bench) findPeers(ctx context.Context) {
	b.pgbench, b.node = findPgbench(), ""
	if path, err := exec.LookPath("node"); err == nil {
		b.node = path
	}
	for peer, check := range map[string]func() error{
		"pgbench": func() error {
			if b.pgbench == "" {
				return errors.New("pgbench is not installed")
			}
			return nil
		},
		flask: func() error {
			return exec.CommandContext(ctx, python, "-c", "import flask, sqlalchemy, psycopg2, redis, jwt, gunicorn").Run()
		},
		fastify: func() error {
			if b.node == "" {
				return errors.New("node is not installed")
			}
			_, err := os.Stat(filepath.Join(b.root, "bench", "peers", "fastify", "node_modules", "fastify"))
			return err
		},
		pocketBase: func() error { return b.buildPocketBase(ctx) },
	} {
		if !b.includes(peer) {
			continue
		}
		if err := check(); err != nil {
			b.logf("%s is not measured: %v; make peers installs what it needs", peer, err)
			b.peers = slices.DeleteFunc(b.peers, func(p string) bool { return p == peer })
		}
	}
}

// buildPocketBase builds the peer, which is a module of its own.
func (b *bench) buildPocketBase(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.bin(pocketBase), ".") //nolint:gosec // our own program
	cmd.Dir, cmd.Env = filepath.Join(b.root, "bench", "peers", "pocketbase"), append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(out[max(0, len(out)-300):]))
	}
	return nil
}

// conditions describes the date, the machine, the versions and the load.
func (b *bench) conditions(ctx context.Context, size string) part {
	return part{
		title: "Conditions", header: []string{"", ""},
		rows: [][]string{
			{"date", time.Now().UTC().Format(time.DateOnly)},
			{"machine", b.machine + ", which runs the load generator too"},
			{"versions", fmt.Sprintf("%s, %s, %s", runtime.Version(), b.harness.Versions(), b.harness.Redis().Version(ctx))},
			{"data", size},
			{"load", fmt.Sprintf("%s connections, a closed loop; %d rounds of %s each, medians", joinNumbers(b.connectionCounts), b.rounds, b.duration)},
		},
	}
}

// The aims of codegenapp.
const (
	maxMemory      = 60 << 20
	maxStartupTime = time.Second
)

// footprint measures the time until a server is ready, and its memory under mixed load.
func (b *bench) footprint(ctx context.Context, w *dataset) (part, error) {
	fresh := variant{program: codegenapp, replica: -1} // no scenario has used it
	p, err := b.process(ctx, fresh, w)
	if err != nil {
		return part{}, err
	}
	if err := w.refresh(ctx, codegenapp); err != nil {
		return part{}, err
	}
	clients, err := load.Connect(ctx, []string{p.Address}, mixedCallers(w, b.connections))
	if err != nil {
		return part{}, err
	}
	defer clients.Close()
	if _, err := clients.Run(ctx, max(2*b.duration, time.Second)); err != nil {
		return part{}, fmt.Errorf("footprint: %w", err)
	}
	now, most, err := proc.Memory(p.PID)
	if err != nil {
		return part{}, err
	}
	megabytes := func(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }
	return part{
		title:  fmt.Sprintf("Footprint at %d connections of mixed load", b.connections),
		header: []string{"", "measured", "aim", ""},
		rows: [][]string{
			{"resident memory", megabytes(now), "", ""},
			{"peak resident memory", megabytes(most), "under " + megabytes(maxMemory), verdict(most < maxMemory)},
			{"from start to ready", p.StartupTime.Round(time.Millisecond).String(), "under " + maxStartupTime.String(), verdict(p.StartupTime < maxStartupTime)},
		},
	}, nil
}

// joinNumbers formats numbers as a list.
func joinNumbers(numbers []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", ", "), "[]")
}
