package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// audit queues audit events, so they commit together with what they describe.
func (t *tx) audit(ctx context.Context, events ...auth.Event) error {
	for _, e := range events {
		details := e.Details
		if details == nil {
			details = map[string]string{}
		}
		text, err := json.Marshal(details)
		if err != nil {
			return fmt.Errorf("encode the details of an audit event: %w", err)
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
	in := scopeToOwner(auth.UserID{})
	if e.Actor != nil {
		in = scopeToOwner(*e.Actor)
	}
	return s.inTx(ctx, in, func(t *tx) error { return t.audit(ctx, e) })
}

// Events implements auth.Store.
func (s *Store) Events(ctx context.Context, actor auth.PrivilegedActor, list auth.EventQuery) ([]auth.Event, error) {
	var events []auth.Event
	err := s.readPrivileged(ctx, actor, func(q *db.Queries) error {
		filtered := db.New(rewritten{q.DB(), func(sql string, args []any) (string, []any) {
			clause, more := eventsClause(list, len(args)+1)
			return sql + clause, slices.Concat(args, more)
		}})
		rows, err := filtered.ListEvents(ctx, list.After.Time, cursorID(*list.After))
		if err != nil {
			return err
		}
		events = make([]auth.Event, len(rows))
		for n, row := range rows {
			if events[n], err = eventOf(row); err != nil {
				return err
			}
		}
		return nil
	})
	return events, err
}

// eventsClause selects one page of audit events. Filters that are not set are left
// out: one plan for all of them would suit no combination.
func eventsClause(list auth.EventQuery, first int) (clause string, args []any) {
	filter := func(condition string, value any) {
		clause += fmt.Sprintf("AND %s $%d ", condition, first+len(args))
		args = append(args, value)
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
	return fmt.Sprintf("%sORDER BY at DESC, id DESC LIMIT $%d", clause, first+len(args)), append(args, list.Limit)
}

func eventOf(row db.AuditEvent) (e auth.Event, err error) {
	e = auth.Event{
		ID: row.ID, At: row.At.UTC(), Actor: row.ActorID, Action: auth.Action(row.Action), ResourceType: row.ResourceType, Resource: row.ResourceID,
		From: auth.Client{IP: row.IP, UserAgent: row.UserAgent, RequestID: row.RequestID},
	}
	if err := json.Unmarshal([]byte(row.Details), &e.Details); err != nil {
		return e, fmt.Errorf("decode the details of an audit event: %w", err)
	}
	return e, nil
}
