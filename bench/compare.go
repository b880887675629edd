package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"github.com/codegenapp/codegenapp/bench/load"
	"github.com/codegenapp/codegenapp/bench/proc"
)

// compare measures codegenapp beside others at every scenario.
func (b *bench) compare(ctx context.Context) (document, error) {
	b.findPeers(ctx)
	worlds, err := b.prepare(ctx, []int{b.items})
	if err != nil {
		return nil, err
	}
	w := worlds[0]
	var all []measured
	for _, s := range b.chosen(scenarios()) {
		if err := b.verify(ctx, s, w); err != nil {
			return nil, err
		}
		m, err := b.measure(ctx, s, func(e entrant) (sample, error) { return b.turn(ctx, s, e, w) })
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	doc := document{b.conditions(ctx, fmt.Sprintf("%d items", b.items))}
	if len(all) > 0 {
		doc = append(doc, summary(all))
	}
	for _, m := range all {
		doc = append(doc, m.table())
	}
	if table := aimsTable(all); len(table.rows) > 0 {
		doc = append(doc, table)
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

// findPeers says whom it has to leave out.
func (b *bench) findPeers(ctx context.Context) {
	if b.pgbench = findPgbench(); b.with("pgbench") && b.pgbench == "" {
		b.say("without pgbench: PostgreSQL's own benchmark is not installed")
	}
	if !b.with("flask") {
		return
	}
	err := exec.CommandContext(ctx, python, "-c", "import flask, sqlalchemy, psycopg2, redis, jwt, gunicorn").Run()
	if b.python = err == nil; !b.python {
		b.say("without Flask: its packages are not installed; bench/peers/flask/install.sh installs them on Debian")
	}
}

// conditions is when and where this was measured.
func (b *bench) conditions(ctx context.Context, size string) part {
	return part{
		title: "Conditions", header: []string{"", ""},
		rows: [][]string{
			{"date", time.Now().UTC().Format(time.DateOnly)},
			{"machine", b.machine + ", the load generator beside the servers"},
			{"versions", fmt.Sprintf("%s, %s, %s", runtime.Version(), b.stage.Versions(), b.stage.Redis().Version(ctx))},
			{"data", size},
			{"load", fmt.Sprintf("%d connections, a closed loop; %d rounds of %s each, medians", b.connections, b.rounds, b.duration)},
		},
	}
}

// What codegenapp is to keep within.
const (
	mostMemory  = 60 << 20
	soonestDone = time.Second
)

// footprint is how long a server takes to become ready, and what it holds in
// memory under mixed load.
func (b *bench) footprint(ctx context.Context, w *world) (part, error) {
	fresh := variant{program: codegenapp, replica: -1} // nobody else has used it
	p, err := b.process(ctx, fresh, w.db)
	if err != nil {
		return part{}, err
	}
	if err := w.look(ctx); err != nil {
		return part{}, err
	}
	crowd, err := load.Connect(ctx, []string{p.Address}, mixers(w, b.connections))
	if err != nil {
		return part{}, err
	}
	defer crowd.Close()
	if _, err := crowd.Run(ctx, max(2*b.duration, time.Second)); err != nil {
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
			{"resident memory at its most", megabytes(most), "under " + megabytes(mostMemory), verdict(most < mostMemory)},
			{"from start to ready", p.Took.Round(time.Millisecond).String(), "under " + soonestDone.String(), verdict(p.Took < soonestDone)},
		},
	}, nil
}
