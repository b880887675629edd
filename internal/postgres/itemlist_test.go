package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Whatever statements the service's role sends, a committed list names each item of its
// specification once, and nothing else.
func TestItemList_NoStatementOfTheServiceBreaksIt(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	super, service := connect(t, s.Super), connect(t, s.Service)
	rapid.Check(t, func(r *rapid.T) {
		spec := s.specification()
		for range rapid.IntRange(1, 6).Draw(r, "transactions") {
			items := column[requirements.ItemID](t, super, "SELECT unnest(item_ids) FROM specifications WHERE id = $1", spec)
			var sent []string
			err := inScope(t, service, s.actor.User, func(tx pgx.Tx) error {
				for range rapid.IntRange(1, 4).Draw(r, "statements") {
					sent = append(sent, listStatement(r, s.actor.User, spec, &items))
					if _, err := tx.Exec(t.Context(), sent[len(sent)-1]); err != nil {
						return err
					}
				}
				return nil
			})
			if broken := brokenLists(t, super, s.actor.User); len(broken) > 0 {
				r.Fatalf("%s: %v\n%s", strings.Join(broken, ", "), err, strings.Join(sent, "\n"))
			}
		}
	})
}

// inScope runs work in a transaction with the rights of the service for a user.
func inScope(t *testing.T, conn *pgx.Conn, user auth.UserID, work func(pgx.Tx) error) error {
	t.Helper()
	return pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "SELECT set_config('role', '"+appRole+"', true), set_config('app.user_id', $1::uuid::text, true)", user)
		if err != nil {
			return err
		}
		return work(tx)
	})
}

// brokenLists are the lists of a user that do not name exactly the items.
func brokenLists(t *testing.T, super *pgx.Conn, user auth.UserID) []string {
	t.Helper()
	return column[string](t, super, `
SELECT s.id || ' lists ' || s.item_ids::text || ', has ' || coalesce(i.ids::text, '{}')
FROM   specifications AS s
LEFT   JOIN (SELECT spec_id, array_agg(id ORDER BY id) AS ids FROM bullet_items GROUP BY spec_id) AS i ON i.spec_id = s.id
WHERE  s.owner_id = $1
AND    (SELECT coalesce(array_agg(l ORDER BY l), '{}') FROM unnest(s.item_ids) AS l) IS DISTINCT FROM coalesce(i.ids, '{}')`, user)
}

// listStatement is a statement that changes items or the list, in the right way or not.
func listStatement(r *rapid.T, user auth.UserID, spec requirements.SpecificationID, items *[]requirements.ItemID) string {
	some := func() string {
		if len(*items) == 0 || rapid.IntRange(0, 9).Draw(r, "other item") == 0 {
			return id.New[requirements.Item]().String()
		}
		return rapid.SampledFrom(*items).Draw(r, "item").String()
	}
	place := rapid.SampledFrom([]string{"NULL", "0", "1", "2", "7", "-1"}).Draw(r, "place")
	switch rapid.IntRange(0, 6).Draw(r, "statement") {
	case 0, 1:
		made := id.New[requirements.Item]()
		*items = append(*items, made)
		number := rapid.SampledFrom([]string{"NULL", "NULL", "1", "9"}).Draw(r, "number")
		return fmt.Sprintf(`INSERT INTO bullet_items (id, spec_id, owner_id, number, place, content, created_at, updated_at)
			VALUES ('%s', '%s', '%s', %s, %s, 'x', now(), now())`, made, spec, user, number, place)
	case 2:
		return fmt.Sprintf("UPDATE bullet_items SET content = 'y', place = %s WHERE id = '%s'", place, some())
	case 3:
		return fmt.Sprintf("DELETE FROM bullet_items WHERE id = '%s'", some())
	case 4:
		return fmt.Sprintf("DELETE FROM specifications WHERE id = '%s' AND %t", spec, rapid.IntRange(0, 4).Draw(r, "delete") == 0)
	case 5:
		return fmt.Sprintf("UPDATE specifications SET title = 'other' WHERE id = '%s'", spec)
	default:
		list := slices.Clone(*items)
		for range rapid.IntRange(0, 2).Draw(r, "changes of the list") {
			switch rapid.IntRange(0, 3).Draw(r, "change of the list") {
			case 0:
				list = append(list, id.New[requirements.Item]())
			case 1:
				list = append(list, list[:min(1, len(list))]...)
			case 2:
				list = list[:max(0, len(list)-1)]
			default:
				slices.Reverse(list)
			}
		}
		return fmt.Sprintf("UPDATE specifications SET item_ids = '{%s}', updated_at = now() WHERE id = '%s'",
			strings.Join(strings.Fields(strings.Trim(fmt.Sprint(list), "[]")), ","), spec)
	}
}

// The list changes only with the items, so a statement may neither list more nor fewer,
// nor give an item a specification of another project.
func TestItemList_RejectsWhatIsNoOrder(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	service := connect(t, s.Service)
	super := connect(t, s.Super)
	for name, sql := range map[string]string{
		"one fewer":       fmt.Sprintf("UPDATE specifications SET item_ids = item_ids[2:] WHERE id = '%s'", s.spec),
		"one more":        fmt.Sprintf("UPDATE specifications SET item_ids = item_ids || gen_random_uuid() WHERE id = '%s'", s.spec),
		"one twice":       fmt.Sprintf("UPDATE specifications SET item_ids = ARRAY[item_ids[1], item_ids[1]] || item_ids[3:] WHERE id = '%s'", s.spec),
		"another instead": fmt.Sprintf("UPDATE specifications SET item_ids = gen_random_uuid() || item_ids[2:] WHERE id = '%s'", s.spec),
		"none":            fmt.Sprintf("UPDATE specifications SET item_ids = '{}' WHERE id = '%s'", s.spec),
	} {
		if err := inScope(t, service, s.actor.User, func(tx pgx.Tx) error { _, err := tx.Exec(t.Context(), sql); return err }); err == nil ||
			!strings.Contains(err.Error(), "item_ids does not list the items") {
			t.Errorf("%s: %v", name, err)
		}
	}
	elsewhere := newTenant(s.fixture)
	_, err := super.Exec(t.Context(), "UPDATE bullet_items SET spec_id = $1 WHERE id = $2", elsewhere.spec, s.items[0])
	if err == nil || !strings.Contains(err.Error(), "stays in its project") {
		t.Errorf("a specification of another project: %v", err)
	}
}

// The release before sends the list after each write of an item. That changes nothing.
func TestItemList_StatementsOfTheReleaseBefore(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	service, super := connect(t, s.Service), connect(t, s.Super)
	before := value[int](t, super, "SELECT version FROM specifications WHERE id = $1", s.spec)
	made := id.New[requirements.Item]()
	for _, statements := range [][]string{
		{
			fmt.Sprintf(`INSERT INTO bullet_items (id, spec_id, owner_id, number, content, created_at, updated_at)
				VALUES ('%s', '%s', '%s', 4, 'x', now(), now())`, made, s.spec, s.actor.User),
			fmt.Sprintf("UPDATE specifications SET item_ids = '{%s,%s,%s,%s}', next_item_number = 5, updated_at = now() WHERE id = '%s'", made, s.items[0], s.items[1], s.items[2], s.spec),
		},
		{
			fmt.Sprintf("UPDATE bullet_items SET content = 'y', updated_at = now() WHERE id = '%s'", made),
			fmt.Sprintf("UPDATE specifications SET item_ids = item_ids, next_item_number = 5, updated_at = now() WHERE id = '%s'", s.spec),
		},
		{
			fmt.Sprintf("DELETE FROM bullet_items WHERE id = '%s'", made),
			fmt.Sprintf("UPDATE specifications SET item_ids = '{%s,%s,%s}', next_item_number = 5, updated_at = now() WHERE id = '%s'", s.items[0], s.items[1], s.items[2], s.spec),
		},
	} {
		err := inScope(t, service, s.actor.User, func(tx pgx.Tx) error {
			for _, sql := range statements {
				if _, err := tx.Exec(t.Context(), sql); err != nil {
					return fmt.Errorf("%s: %w", sql, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if broken := brokenLists(t, super, s.actor.User); len(broken) > 0 {
			t.Fatal(broken)
		}
	}
	if after := value[int](t, super, "SELECT version FROM specifications WHERE id = $1", s.spec); after != before+3 {
		t.Errorf("the version rose from %d to %d", before, after)
	}
}
