// Package seed fills a database for the benchmark: as many users as the wanted
// number of items needs, each with a project of 25 specifications of 9 items,
// and with empty projects in which a benchmark creates things.
//
// It writes the tables themselves, because ten million items through the API
// would take hours. So it knows the schema; what it writes is what the service
// would have written.
package seed

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// The resources of a user.
const (
	Specifications = 25
	Items          = 9
	EmptyProjects  = 2
)

// Users is how many users have at least so many items.
func Users(items int) int { return max(1, (items+Specifications*Items-1)/(Specifications*Items)) }

// The kinds of things that have ids.
const (
	User = 1 + iota
	Project
	Specification
	Item
	Session
)

// ID is the id of the nth thing of a kind, from 1. It has the form of a UUID of
// version 7 from 2021, so that rows lie in the order in which they were made,
// and before all that the service makes.
func ID(kind, n int) uuid.UUID {
	id := uuid.UUID{0x01, 0x77, 6: 0x70, 7: byte(kind)} //nolint:gosec // there are five kinds
	binary.BigEndian.PutUint64(id[8:], 1<<63|uint64(n)) //nolint:gosec // n counts
	return id
}

// FirstNewID is less than every id that the service makes, and greater than every seeded id.
const FirstNewID = "01780000-0000-7000-8000-000000000000"

// The things of user u, from 1, by their number within the user, from 0.

// ProjectOf is the project with the specifications.
func ProjectOf(u int) uuid.UUID { return ID(Project, (u-1)*(1+EmptyProjects)+1) }

// EmptyProjectOf returns an empty project.
func EmptyProjectOf(u, n int) uuid.UUID { return ID(Project, (u-1)*(1+EmptyProjects)+2+n) }

// SpecificationOf is a specification.
func SpecificationOf(u, n int) uuid.UUID { return ID(Specification, (u-1)*Specifications+n+1) }

// itemOf is the mth item of the nth specification.
func itemOf(u, n, m int) uuid.UUID {
	return ID(Item, ((u-1)*Specifications+n)*Items+m+1)
}

// Subject is how the sign-in issuer knows a user.
func Subject(u int) string { return fmt.Sprintf("1%09d", u) }

// Email is a user's address.
func Email(u int) string { return fmt.Sprintf("user%d@example.com", u) }

// content is of a usual length, and has what JSON and HTML have to escape.
func content(n int) string {
	return fmt.Sprintf("# Specification %07d\n\nWhen an order is cancelled & nothing was sent, the money goes back within a day; "+
		"the customer reads \"refunded\" in the language of the order (für jede Sprache).\n\n"+
		"- amounts above <500> need a second person, who is not the first\n- the reason is kept with the order, and shown to both\n"+
		"- a refund that fails is repeated every hour, and after a day support is notified\n", n)
}

// Load fills the database at url, of a superuser, which is migrated
// and empty. issuer is that of the users.
func Load(ctx context.Context, url, issuer string, users int) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to load: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // what was written is committed
	// Triggers and foreign keys would be checked for each row; these rows satisfy them.
	if _, err := conn.Exec(ctx, "SET session_replication_role = replica; SET synchronous_commit = off"); err != nil {
		return fmt.Errorf("prepare to load: %w", err)
	}
	at := time.Now().Add(-24 * time.Hour).UTC().Truncate(time.Microsecond)
	for _, t := range tables(issuer, at) {
		rows := pgx.CopyFromSlice(users*t.each, func(n int) ([]any, error) { return t.row(1+n/t.each, n%t.each), nil })
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{t.name}, strings.Fields(t.columns), rows); err != nil {
			return fmt.Errorf("load %s: %w", t.name, err)
		}
	}
	if _, err := conn.Exec(ctx, "VACUUM (FREEZE, ANALYZE)"); err != nil {
		return fmt.Errorf("vacuum what was loaded: %w", err)
	}
	return check(ctx, conn, users)
}

// table is one table: how many rows each user has in it, and the nth of them.
type table struct {
	name, columns string
	each          int
	row           func(u, n int) []any
}

func tables(issuer string, at time.Time) []table {
	return []table{
		{"users", "id issuer subject email name project_count created_at last_login_at", 1, func(u, _ int) []any {
			return []any{ID(User, u), issuer, Subject(u), Email(u), "User " + strconv.Itoa(u), 1 + EmptyProjects, at, at}
		}},
		{"identities", "issuer subject user_id", 1, func(u, _ int) []any { return []any{issuer, Subject(u), ID(User, u)} }},
		// For pgbench, which does not sign in.
		{"sessions", "id user_id salt created_at last_used_at expires_at ends_at user_agent ip", 1, func(u, _ int) []any {
			end := at.Add(30 * 24 * time.Hour)
			return []any{ID(Session, u), ID(User, u), make([]byte, 16), at, at, end, end, "", ""}
		}},
		{"projects", "id owner_id title description specification_count next_specification_number created_at updated_at", 1 + EmptyProjects, func(u, n int) []any {
			if n == 0 {
				return []any{ProjectOf(u), ID(User, u), "Orders", "What the shop must do with orders.", Specifications, Specifications + 1, at, at}
			}
			return []any{EmptyProjectOf(u, n-1), ID(User, u), "Spare " + strconv.Itoa(n), "", 0, 1, at, at}
		}},
		{"specifications", "id project_id owner_id number title content item_ids next_item_number created_at updated_at", Specifications, func(u, n int) []any {
			items := make([]uuid.UUID, Items)
			for m := range items {
				items[m] = itemOf(u, n, m)
			}
			number := (u-1)*Specifications + n + 1
			return []any{SpecificationOf(u, n), ProjectOf(u), ID(User, u), n + 1, fmt.Sprintf("Specification %07d", number), content(number), items, Items + 1, at, at}
		}},
		{"bullet_items", "id spec_id owner_id number content created_at updated_at", Specifications * Items, func(u, n int) []any {
			spec, m := n/Items, n%Items
			text := fmt.Sprintf("Point %d: refunds above 500 need a second person, who is not the first.", m+1)
			return []any{itemOf(u, spec, m), SpecificationOf(u, spec), ID(User, u), m + 1, text, at, at}
		}},
	}
}

// check verifies, for the first and the last user, what triggers verify for rows that
// the service writes: the list of a specification is exactly its items.
func check(ctx context.Context, conn *pgx.Conn, users int) error {
	var specifications, bad int
	err := conn.QueryRow(ctx, `
SELECT count(*), count(*) FILTER (WHERE s.item_ids IS DISTINCT FROM
          (SELECT array_agg(i.id ORDER BY i.number) FROM bullet_items AS i WHERE i.spec_id = s.id AND i.owner_id = s.owner_id))
FROM   specifications AS s
WHERE  s.owner_id = ANY ($1)`, []uuid.UUID{ID(User, 1), ID(User, users)}).Scan(&specifications, &bad)
	if err != nil {
		return fmt.Errorf("check what was loaded: %w", err)
	}
	if want := Specifications * min(2, users); specifications != want || bad != 0 {
		return fmt.Errorf("the load is wrong: %d specifications of two users instead of %d, of which %d do not list their items", specifications, want, bad)
	}
	return nil
}

// Reset deletes what a benchmark has created since Load, so that every measurement
// starts with the same rows, and vacuums.
func Reset(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to reset: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, statement := range []string{
		"SET session_replication_role = replica; SET synchronous_commit = off",
		// New rows are found by owner, through the primary keys, without table scans.
		"SET enable_hashjoin = off; SET enable_mergejoin = off",
		`WITH gone AS (DELETE FROM bullet_items AS i USING users AS u WHERE i.owner_id = u.id AND i.id > '` + FirstNewID + `' RETURNING i.owner_id, i.spec_id)
		 UPDATE specifications AS s SET item_ids = s.item_ids[1:` + strconv.Itoa(Items) + `], next_item_number = ` + strconv.Itoa(Items+1) + `
		 FROM (SELECT DISTINCT owner_id, spec_id FROM gone) AS g WHERE s.owner_id = g.owner_id AND s.id = g.spec_id`,
		`WITH gone AS (DELETE FROM specifications AS s USING users AS u WHERE s.owner_id = u.id AND s.id > '` + FirstNewID + `' RETURNING s.owner_id, s.project_id)
		 UPDATE projects AS p SET specification_count = 0, next_specification_number = 1
		 FROM (SELECT DISTINCT owner_id, project_id FROM gone) AS g WHERE p.owner_id = g.owner_id AND p.id = g.project_id`,
		"VACUUM bullet_items, specifications, projects",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("reset what was created: %w", err)
		}
	}
	return nil
}
