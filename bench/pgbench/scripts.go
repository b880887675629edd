// Package pgbench has the statements of the hand-written server (bench/reference) as
// scripts for PostgreSQL's own benchmark, which measures the cost of PostgreSQL alone:
// plain, as a role that bypasses row-level security, and under row-level security.
package pgbench

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed *.sql
var files embed.FS

// variables choose a row as the other contenders do: a random user of those who are
// signed in, which are every step-th, and a random resource of that user.
const variables = `\set k random(0, :users - 1)
\set u 1 + :k * :step
\set n (:u - 1) * 25 + random(1, 25)
\set m (:n - 1) * 9 + 1
\set p (:u - 1) * 3 + 1
\set q :p + random(1, 2)
\set r random(1, 281474976710655)
`

// tenantScope is the first statement of each batch of the reference. Its functions do
// the same themselves.
const tenantScope = `SELECT set_config('app.user_id', user_id::text, true)
FROM   sessions
WHERE  id = :session AND user_id = :owner AND expires_at > clock_timestamp();
`

// id is the expression of a resource's id, from the variable with its number, as in
// package seed. New resources get random numbers, and ids greater than all others.
func id(prefix, variable string) string {
	return fmt.Sprintf(`('%s-8000-' || lpad(to_hex(:%s::bigint), 12, '0'))::uuid`, prefix, variable)
}

// Script returns a script: one batch, as the reference sends it. Scoped is for a login
// under row-level security.
func Script(name string, scoped bool) (string, error) {
	file, err := files.ReadFile(name + ".sql")
	if err != nil {
		return "", fmt.Errorf("find the script: %w", err)
	}
	first := ""
	if scoped {
		first = tenantScope
	}
	statements := strings.NewReplacer(
		":owner", id("01770000-0000-7001", "u"), ":project", id("01770000-0000-7002", "p"), ":spare", id("01770000-0000-7002", "q"),
		":spec", id("01770000-0000-7003", "n"), ":item", id("01770000-0000-7004", "m"), ":session", id("01770000-0000-7005", "u"),
		":new", id("01990000-0000-7000", "r"),
	).Replace(strings.ReplaceAll(string(file), "-- tenant scope\n", first))
	return variables + "\\startpipeline\n" + statements + "\\endpipeline\n", nil
}
