package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// record lets events wait for the next flight, and so commits them with what
// they tell of.
func (t *tx) record(ctx context.Context, events ...auth.Event) error {
	for _, e := range events {
		details := e.Details
		if details == nil {
			details = map[string]string{}
		}
		text, err := json.Marshal(details)
		if err != nil {
			return fmt.Errorf("write the details of an event: %w", err)
		}
		if err := t.write(ctx, func(q *db.Queries) error {
			return q.InsertEvent(ctx, db.InsertEventParams{
				ID: e.ID, ActorID: e.Actor, Action: string(e.Action), ResourceType: e.ResourceType, ResourceID: e.Resource,
				IP: e.From.IP, UserAgent: e.From.UserAgent, RequestID: e.From.RequestID, Details: string(text),
			})
		}); err != nil {
			return err
		}
	}
	return nil
}

// Record implements auth.Store.
func (s *Store) Record(ctx context.Context, e auth.Event) error {
	who := housekeeping(auth.UserID{})
	if e.Actor != nil {
		who = housekeeping(*e.Actor)
	}
	return s.inTx(ctx, who, func(t *tx) error { return t.record(ctx, e) })
}

// Events implements auth.Store.
func (s *Store) Events(ctx context.Context, staff auth.PrivilegedActor, list auth.EventQuery) ([]auth.Event, error) {
	sql, args := eventsQuery(list)
	var events []auth.Event
	err := s.readAsStaff(ctx, staff, func(q *db.Queries) error {
		rows, err := q.DB().Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		events, err = pgx.CollectRows(rows, scanEvent)
		return err
	})
	return events, err
}

// eventsQuery is one page of the audit. Like a list of keyset it is put together
// from constants of this file: a filter that is not asked for must not be there,
// or one plan for all would have to suit every mixture.
func eventsQuery(list auth.EventQuery) (string, []any) {
	args := []any{list.After.Time, pgtype.UUID{Bytes: list.After.ID, Valid: true}, list.Limit}
	conditions := ""
	filter := func(condition string, value any) {
		args = append(args, value)
		conditions += fmt.Sprintf(" AND %s $%d", condition, len(args))
	}
	if list.Actor != nil {
		filter("actor_id =", *list.Actor)
	}
	if list.Action != nil {
		filter("action =", *list.Action)
	}
	if !list.Since.IsZero() {
		filter("at >=", list.Since)
	}
	return `SELECT id, at, actor_id, action, resource_type, resource_id, ip, user_agent, request_id, details FROM audit_events WHERE (at, id) < ($1, $2)` +
		conditions + ` ORDER BY at DESC, id DESC LIMIT $3`, args
}

func scanEvent(row pgx.CollectableRow) (e auth.Event, err error) {
	err = row.Scan(&e.ID, &e.At, &e.Actor, &e.Action, &e.ResourceType, &e.Resource,
		&e.From.IP, &e.From.UserAgent, &e.From.RequestID, &e.Details)
	e.At = e.At.UTC()
	return e, err
}
