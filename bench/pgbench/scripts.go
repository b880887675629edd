// Package pgbench has the statements of the API as scripts for PostgreSQL's own
// benchmark, which measures the cost of PostgreSQL alone: plain, as a role that bypasses
// row-level security, and under row-level security, with the tenant scope that the
// product sets in each transaction.
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
\set p (:u - 1) * 3 + 1
\set q :p + random(1, 2)
\set r random(1, 281474976710655)
`

// tenantScope is the first statement of each transaction of the product.
const tenantScope = `SELECT live, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', CASE WHEN live THEN :owner::uuid::text ELSE '' END, true), set_config('statement_timeout', '3s', true), set_config('lock_timeout', '1s', true), set_config('idle_in_transaction_session_timeout', '10s', true), set_config('plan_cache_mode', 'force_generic_plan', true)
FROM   live_session(:session, :owner) AS live;
`

// id is the expression of a resource's id, from the variable with its number, as in
// package seed. New resources get random numbers, and ids greater than all others.
func id(prefix, variable string) string {
	return fmt.Sprintf(`('%s-8000-' || lpad(to_hex(:%s::bigint), 12, '0'))::uuid`, prefix, variable)
}

// Script returns a script. Statements between two round trips are sent in one batch, as
// the product does.
func Script(name string, scoped bool) (string, error) {
	file, err := files.ReadFile(name + ".sql")
	if err != nil {
		return "", fmt.Errorf("find the script: %w", err)
	}
	first, begin, end := "", "", ""
	if scoped {
		first, begin, end = tenantScope, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;\n", "COMMIT;\n"
	}
	statements := strings.NewReplacer(
		"-- tenant scope\n", first, "-- begin read\n", begin, "-- end\n", end,
		"-- round trip\n", "\\endpipeline\n\\startpipeline\n",
	).Replace(string(file))
	statements = strings.NewReplacer(
		":owner", id("01770000-0000-7001", "u"), ":project", id("01770000-0000-7002", "p"), ":spare", id("01770000-0000-7002", "q"),
		":spec", id("01770000-0000-7003", "n"), ":session", id("01770000-0000-7005", "u"), ":new", id("01990000-0000-7000", "r"),
	).Replace(statements)
	return variables + "\\startpipeline\n" + statements + "\\endpipeline\n", nil
}
