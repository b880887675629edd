package seed

import (
	"strconv"
	"time"

	"github.com/google/uuid"
)

// productTables are the tables of the product.
func productTables(issuer string, at time.Time) []table {
	return []table{
		{"users", "id issuer subject email name project_count created_at last_login_at", 1, func(u, _ int) []any {
			return []any{ID(User, u), issuer, Subject(u), Email(u), "User " + strconv.Itoa(u), 1 + EmptyProjects, at, at}
		}},
		{"identities", "issuer subject user_id", 1, func(u, _ int) []any { return []any{issuer, Subject(u), ID(User, u)} }},
		{"projects", "id owner_id title description specification_count next_specification_number created_at updated_at", 1 + EmptyProjects, func(u, n int) []any {
			if n == 0 {
				return []any{ProjectOf(u), ID(User, u), "Orders", "What the shop must do with orders.", Specifications, Specifications + 1, at, at}
			}
			return []any{EmptyProjectOf(u, n-1), ID(User, u), "Spare " + strconv.Itoa(n), "", 0, 1, at, at}
		}},
		{"specifications", "id project_id owner_id number title content item_ids next_item_number created_at updated_at", Specifications, func(u, n int) []any {
			return []any{SpecificationOf(u, n), ProjectOf(u), ID(User, u), n + 1, Title(u, n), Content(u, n), ItemsOf(u, n), Items + 1, at, at}
		}},
		{"bullet_items", "id spec_id owner_id number content created_at updated_at", Specifications * Items, func(u, n int) []any {
			spec, m := n/Items, n%Items
			return []any{ItemOf(u, spec, m), SpecificationOf(u, spec), ID(User, u), m + 1, ItemContent(m), at, at}
		}},
	}
}

// referenceTables are those of bench/reference/schema.sql, with the same contents.
func referenceTables(_ string, at time.Time) []table {
	return []table{
		{"users", "id", 1, func(u, _ int) []any { return []any{ID(User, u)} }},
		// For pgbench, which does not sign in.
		{"sessions", "id user_id expires_at", 1, func(u, _ int) []any {
			return []any{ID(Session, u), ID(User, u), at.Add(30 * 24 * time.Hour)}
		}},
		{"projects", "owner_id id title specification_count next_number created_at updated_at", 1 + EmptyProjects, func(u, n int) []any {
			if n == 0 {
				return []any{ID(User, u), ProjectOf(u), "Orders", Specifications, Specifications + 1, at, at}
			}
			return []any{ID(User, u), EmptyProjectOf(u, n-1), "Spare " + strconv.Itoa(n), 0, 1, at, at}
		}},
		{"specifications", "owner_id id project_id number title content item_ids next_item_number created_at updated_at", Specifications, func(u, n int) []any {
			return []any{ID(User, u), SpecificationOf(u, n), ProjectOf(u), n + 1, Title(u, n), Content(u, n), ItemsOf(u, n), Items + 1, at, at}
		}},
		{"items", "owner_id id specification_id number content created_at updated_at", Specifications * Items, func(u, n int) []any {
			spec, m := n/Items, n%Items
			return []any{ID(User, u), ItemOf(u, spec, m), SpecificationOf(u, spec), m + 1, ItemContent(m), at, at}
		}},
	}
}

// ItemsOf are the ids of the items of a specification, in their order.
func ItemsOf(u, n int) []uuid.UUID {
	items := make([]uuid.UUID, Items)
	for m := range items {
		items[m] = ItemOf(u, n, m)
	}
	return items
}
