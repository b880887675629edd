// Package pgbench has the statements of the API as scripts for PostgreSQL's own
// benchmark, which shows what PostgreSQL alone costs: plain, as somebody whom no
// policy concerns, and under row-level security, confined in the transaction as
// the product does it.
package pgbench

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed *.sql
var files embed.FS

// variables choose a row like everybody else in the benchmark: of users, which
// are every step-th, one at random, and of that user's things one.
const variables = `\set k random(0, :users - 1)
\set u 1 + :k * :step
\set n (:u - 1) * 25 + random(1, 25)
\set p (:u - 1) * 3 + 1
\set q :p + random(1, 2)
\set r random(1, 281474976710655)
`

// confinement is what the product sends first of all.
const confinement = `SELECT live, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', CASE WHEN live THEN :owner::uuid::text ELSE '' END, true), set_config('statement_timeout', '3s', true), set_config('lock_timeout', '1s', true), set_config('plan_cache_mode', 'force_generic_plan', true)
FROM   live_session(:session, :owner) AS live;
`

// id is the id of the thing of a kind whose number is in a variable, as package
// seed gives it. New things get numbers by chance, and ids behind all others.
func id(prefix, variable string) string {
	return fmt.Sprintf(`('%s-8000-' || lpad(to_hex(:%s::bigint), 12, '0'))::uuid`, prefix, variable)
}

// Script is a script. What stands between two flights travels together, as with
// the product.
func Script(name string, confined bool) (string, error) {
	file, err := files.ReadFile(name + ".sql")
	if err != nil {
		return "", fmt.Errorf("find the script: %w", err)
	}
	first, begin, end := "", "", ""
	if confined {
		first, begin, end = confinement, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;\n", "COMMIT;\n"
	}
	statements := strings.NewReplacer(
		"-- confine\n", first, "-- begin to read\n", begin, "-- end\n", end,
		"-- flight\n", "\\endpipeline\n\\startpipeline\n",
	).Replace(string(file))
	statements = strings.NewReplacer(
		":owner", id("01770000-0000-7001", "u"), ":project", id("01770000-0000-7002", "p"), ":spare", id("01770000-0000-7002", "q"),
		":spec", id("01770000-0000-7003", "n"), ":session", id("01770000-0000-7005", "u"), ":new", id("01990000-0000-7000", "r"),
	).Replace(statements)
	return variables + "\\startpipeline\n" + statements + "\\endpipeline\n", nil
}
