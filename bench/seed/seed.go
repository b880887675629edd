// Package seed fills a database for the benchmark: as many users as the wanted
// number of items needs, each with a project of 25 specifications of 9 items,
// and with empty projects in which a benchmark creates things.
//
// It writes the tables themselves, because ten million items through the API
// would take hours. So it knows the schemas; what it writes is what the servers
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

// ItemOf is the mth item of the nth specification.
func ItemOf(u, n, m int) uuid.UUID {
	return ID(Item, ((u-1)*Specifications+n)*Items+m+1)
}

// Subject is how the sign-in issuer knows a user.
func Subject(u int) string { return fmt.Sprintf("1%09d", u) }

// Email is a user's address.
func Email(u int) string { return fmt.Sprintf("user%d@example.com", u) }

// Title is the title of the nth specification of a user.
func Title(u, n int) string { return fmt.Sprintf("Specification %07d", (u-1)*Specifications+n+1) }

// ItemContent is the content of the mth item of a specification.
func ItemContent(m int) string { return strings.Replace(itemContent, "%s", strconv.Itoa(m+1), 1) }

const itemContent = "Point %s: refunds above 500 need a second person, who is not the first."

// Content is that of the nth specification. It is of a usual length, and has what JSON
// and HTML have to escape.
func Content(u, n int) string { return "# " + Title(u, n) + contentBehindTitle }

const contentBehindTitle = "\n\nWhen an order is cancelled & nothing was sent, the money goes back within a day; " +
	"the customer reads \"refunded\" in the language of the order (für jede Sprache).\n\n" +
	"- amounts above <500> need a second person, who is not the first\n- the reason is kept with the order, and shown to both\n" +
	"- a refund that fails is repeated every hour, and after a day support is notified\n"

// Layout names what differs between the two schemas of the same data: that of the
// product, and that of the servers beside it (bench/reference/schema.sql).
type Layout struct {
	// Items is the table of items, and Specification its column.
	Items, Specification string
	// NextNumber is the column of a project with the number of its next specification.
	NextNumber string

	tables func(issuer string, at time.Time) []table
}

// The schemas.
var (
	Product   = Layout{"bullet_items", "spec_id", "next_specification_number", productTables}
	Reference = Layout{"items", "specification_id", "next_number", referenceTables}
)

// Load fills the database at url, of a superuser, which has its tables and is empty.
// issuer is that of the users, and at is when all was created.
func (l Layout) Load(ctx context.Context, url, issuer string, users int, at time.Time) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to load: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // what was written is committed
	// Triggers and foreign keys would be checked for each row; these rows satisfy them.
	if _, err := conn.Exec(ctx, "SET session_replication_role = replica; SET synchronous_commit = off"); err != nil {
		return fmt.Errorf("prepare to load: %w", err)
	}
	for _, t := range l.tables(issuer, at.Truncate(time.Microsecond)) {
		rows := pgx.CopyFromSlice(users*t.each, func(n int) ([]any, error) { return t.row(1+n/t.each, n%t.each), nil })
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{t.name}, strings.Fields(t.columns), rows); err != nil {
			return fmt.Errorf("load %s: %w", t.name, err)
		}
	}
	if _, err := conn.Exec(ctx, "VACUUM (FREEZE, ANALYZE)"); err != nil {
		return fmt.Errorf("vacuum what was loaded: %w", err)
	}
	return l.check(ctx, conn, users)
}

// table is one table: how many rows each user has in it, and the nth of them.
type table struct {
	name, columns string
	each          int
	row           func(u, n int) []any
}

// check verifies, for the first and the last user, what triggers verify for rows that
// the service writes: the list of a specification is exactly its items.
func (l Layout) check(ctx context.Context, conn *pgx.Conn, users int) error {
	var specifications, bad int
	err := conn.QueryRow(ctx, `
SELECT count(*), count(*) FILTER (WHERE s.item_ids IS DISTINCT FROM
          (SELECT array_agg(i.id ORDER BY i.number) FROM `+l.Items+` AS i WHERE i.`+l.Specification+` = s.id AND i.owner_id = s.owner_id))
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

// Reset restores the rows of Load: it deletes what a benchmark has created, restores what
// it has changed, and vacuums. So every measurement starts with the same rows.
func (l Layout) Reset(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to reset: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	itemsOfSpec := "i.owner_id = s.owner_id AND i." + l.Specification + " = s.id"
	for _, statement := range []string{
		"SET session_replication_role = replica; SET synchronous_commit = off",
		// New rows are found by owner, through the primary keys, without table scans.
		"SET enable_hashjoin = off; SET enable_mergejoin = off",
		"DELETE FROM " + l.Items + " AS i USING users AS u WHERE i.owner_id = u.id AND i.id > '" + FirstNewID + "'",
		`WITH gone AS (DELETE FROM specifications AS s USING users AS u WHERE s.owner_id = u.id AND s.id > '` + FirstNewID + `' RETURNING s.owner_id, s.project_id)
		 UPDATE projects AS p SET specification_count = 0, ` + l.NextNumber + ` = 1
		 FROM (SELECT DISTINCT owner_id, project_id FROM gone) AS g WHERE p.owner_id = g.owner_id AND p.id = g.project_id`,
		// A change of an item raises the version of its specification.
		"UPDATE " + l.Items + " AS i SET content = format('" + itemContent + "', i.number), version = 1, updated_at = i.created_at" +
			" FROM specifications AS s WHERE s.version > 1 AND i.version > 1 AND " + itemsOfSpec,
		"UPDATE specifications AS s SET content = '# ' || title || '" + contentBehindTitle + "', version = 1, updated_at = created_at," +
			" next_item_number = " + strconv.Itoa(Items+1) +
			", item_ids = (SELECT array_agg(i.id ORDER BY i.number) FROM " + l.Items + " AS i WHERE " + itemsOfSpec + ") WHERE version > 1",
		"VACUUM " + l.Items + ", specifications, projects",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("reset what was created: %w", err)
		}
	}
	return nil
}
