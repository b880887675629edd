package main

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/bench/load"
	"github.com/codegenapp/codegenapp/bench/pgbench"
)

// findPgbench looks in PostgreSQL's directory of programs, then on PATH.
func findPgbench() string {
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/pgbench", "/usr/pgsql-*/bin/pgbench", "/opt/homebrew/opt/postgresql*/bin/pgbench"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[len(found)-1]
		}
	}
	path, err := exec.LookPath("pgbench")
	if err != nil {
		return ""
	}
	return path
}

// pgbenchTurn measures pgbench. The cost of connecting, and of planning each statement
// for the first time, is measured once and subtracted.
func (b *bench) pgbenchTurn(ctx context.Context, s scenario, e contender, w *dataset) (sample, error) {
	script, err := pgbench.Script(s.script, e.scoped)
	if err != nil {
		return sample{}, err
	}
	path := filepath.Join(b.harness.Dir, "pgbench.sql")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		return sample{}, fmt.Errorf("write the script: %w", err)
	}
	key := fmt.Sprint(s.script, e.label, b.pgbenchClients())
	if _, known := b.connect[key]; !known {
		if _, b.connect[key], err = b.runPgbench(ctx, w, e, path, "--transactions=1"); err != nil {
			return sample{}, err
		}
	}
	seconds := strconv.Itoa(int(math.Ceil(b.duration.Seconds())))
	result, used, err := b.runPgbench(ctx, w, e, path, "--time="+seconds)
	if err != nil {
		return sample{}, err
	}
	// pgbench does not use Redis, and no server runs meanwhile.
	used = cost{postgres: used.postgres - b.connect[key].postgres}
	return sampleOf(result, used.over(max(1, result.Requests-b.pgbenchClients()))), nil
}

var tps = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)

// pgbenchClients is the number of connections to the database that codegenapp uses.
func (b *bench) pgbenchClients() int { return min(b.connections, pool) }

// runPgbench runs a script.
func (b *bench) runPgbench(ctx context.Context, w *dataset, e contender, script, howLong string) (load.Result, cost, error) {
	database := w.reference.Superuser
	if e.scoped {
		var err error
		if database, err = b.login(w.reference, referenceRole); err != nil {
			return load.Result{}, cost{}, err
		}
	}
	env, err := libpq(database)
	if err != nil {
		return load.Result{}, cost{}, err
	}
	logs := filepath.Join(b.harness.Dir, "pgbench-log")
	cmd := exec.CommandContext(ctx, b.pgbench, "--no-vacuum", "--protocol=prepared", "--log", "--log-prefix="+logs, //nolint:gosec // PostgreSQL's own program
		"--client="+strconv.Itoa(b.pgbenchClients()), "--jobs=2", "--file="+script, howLong,
		"--define=users="+strconv.Itoa(len(w.users)), "--define=step="+strconv.Itoa(w.step))
	cmd.Dir, cmd.Env = b.harness.Dir, env
	before, err := b.processorTime(nil)
	if err != nil {
		return load.Result{}, cost{}, err
	}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "ERROR:") {
		return load.Result{}, cost{}, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	after, err := b.processorTime(nil)
	if err != nil {
		return load.Result{}, cost{}, err
	}
	latencies, err := readLatencies(logs)
	if err != nil {
		return load.Result{}, cost{}, err
	}
	found := tps.FindSubmatch(out)
	if found == nil {
		return load.Result{}, cost{}, fmt.Errorf("the output of pgbench has no tps line:\n%s", out)
	}
	perSecond, err := strconv.ParseFloat(string(found[1]), 64)
	elapsed := time.Duration(float64(len(latencies)) / perSecond * float64(time.Second))
	return load.ResultOf(elapsed, latencies), after.minus(before), err
}

// libpq returns the environment by which PostgreSQL's programs find the database.
func libpq(database string) ([]string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return nil, fmt.Errorf("read the database's URL: %w", err)
	}
	password, _ := u.User.Password()
	return []string{
		"PGHOST=" + u.Hostname(), "PGPORT=" + u.Port(), "PGUSER=" + u.User.Username(), "PGPASSWORD=" + password,
		"PGDATABASE=" + strings.TrimPrefix(u.Path, "/"), "PGOPTIONS=-c plan_cache_mode=force_generic_plan",
	}, nil
}

// readLatencies reads pgbench's logs, one line for each transaction with its
// microseconds in the third place, and removes them.
func readLatencies(prefix string) ([]time.Duration, error) {
	files, err := filepath.Glob(prefix + ".*")
	if err != nil {
		return nil, fmt.Errorf("find pgbench's logs: %w", err)
	}
	var latencies []time.Duration
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read pgbench's log: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 3 {
				continue
			}
			us, err := strconv.Atoi(fields[2])
			if err != nil {
				return nil, fmt.Errorf("read pgbench's log: %w", err)
			}
			latencies = append(latencies, time.Duration(us)*time.Microsecond)
		}
		if err := os.Remove(file); err != nil {
			return nil, fmt.Errorf("remove pgbench's log: %w", err)
		}
	}
	return latencies, nil
}
