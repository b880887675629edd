package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	mostBody           = 1 << 20
	mostItems          = 100
	mostSpecifications = 1000
)

// text is what a request says of a specification or an item.
type text struct{ Title, Content *string }

func decode(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, mostBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errors.Join(statusError(http.StatusUnprocessableEntity), err)
	}
	return nil
}

func (t text) check(most int) error {
	if t.Content != nil && (strings.TrimSpace(*t.Content) == "" || utf8.RuneCountInString(*t.Content) > most) ||
		t.Title != nil && utf8.RuneCountInString(*t.Title) > 200 {
		return statusError(http.StatusUnprocessableEntity)
	}
	return nil
}

// change is a transaction of two round trips: the locks with the begin, the writes
// with the commit.
func (s *server) change(ctx context.Context, actor caller, lock *pgx.Batch, read func(pgx.BatchResults) error, write func(*pgx.Batch) error) (err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	defer func() {
		if err != nil {
			_, _ = conn.Exec(context.WithoutCancel(ctx), "rollback") // the pool closes what is not idle
		}
	}()
	var first pgx.Batch
	first.Queue("begin")
	first.Queue(scopeSQL, actor.session, actor.user)
	first.QueuedQueries = append(first.QueuedQueries, lock.QueuedQueries...)
	results := conn.SendBatch(ctx, &first)
	err = readScope(results, 1)
	if err == nil {
		err = read(results)
	}
	if closed := results.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	var second pgx.Batch
	if err := write(&second); err != nil {
		return err
	}
	second.Queue("commit")
	return execAll(ctx, conn, &second)
}

func execAll(ctx context.Context, conn *pgxpool.Conn, batch *pgx.Batch) (err error) {
	results := conn.SendBatch(ctx, batch)
	for range batch.Len() {
		if _, err = results.Exec(); err != nil {
			break
		}
	}
	if closed := results.Close(); err == nil {
		err = closed
	}
	return err
}

// lockedSpecification reads a locked specification, and the time of the lock.
func lockedSpecification(row *specification, at *time.Time) func(pgx.BatchResults) error {
	return func(results pgx.BatchResults) error {
		if err := results.QueryRow().Scan(append(row.fields(), &row.projectGone, at)...); err != nil {
			return err
		}
		return row.checkLive()
	}
}

// touch is the row one version later; time never runs backwards.
func (s *specification) touch(at time.Time) {
	s.version++
	if at.After(s.updated) {
		s.updated = at
	}
}

// patchSpecification is PATCH /specs/{id}.
func (s *server) patchSpecification(ctx context.Context, actor caller, of id, r *http.Request) (response, error) {
	var body text
	if err := decode(r, &body); err != nil {
		return response{}, err
	}
	if err := body.check(100_000); err != nil {
		return response{}, err
	}
	var lock pgx.Batch
	lock.Queue(lockSpecificationSQL, of, actor.user)
	var row specification
	var at time.Time
	err := s.change(ctx, actor, &lock, lockedSpecification(&row, &at), func(b *pgx.Batch) error {
		if err := matches(r, row.version); err != nil {
			return err
		}
		before := row
		if body.Title != nil {
			row.title = strings.TrimSpace(*body.Title)
		}
		if body.Content != nil {
			row.content = *body.Content
		}
		if row.title == before.title && row.content == before.content {
			return nil
		}
		row.touch(at)
		b.Queue(updateSpecificationSQL, row.title, row.content, row.updated, row.deleted, row.id, actor.user)
		return nil
	})
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, etag: etag(row.version), body: append(row.open(nil), '}')}, nil
}

// createSpecification is POST /projects/{id}/specs.
func (s *server) createSpecification(ctx context.Context, actor caller, of id, r *http.Request) (response, error) {
	var body text
	if err := decode(r, &body); err != nil {
		return response{}, err
	}
	if err := body.check(100_000); err != nil || body.Content == nil || body.Title == nil {
		return response{}, statusError(http.StatusUnprocessableEntity)
	}
	var lock pgx.Batch
	lock.Queue(lockProjectSQL, of, actor.user)
	var parent project
	var at time.Time
	var made specification
	err := s.change(ctx, actor, &lock, func(results pgx.BatchResults) error {
		if err := results.QueryRow().Scan(append(parent.fields(), &at)...); err != nil {
			return err
		}
		if parent.trashed {
			return statusError(http.StatusNotFound)
		}
		return nil
	}, func(b *pgx.Batch) error {
		if parent.count >= mostSpecifications {
			return statusError(http.StatusConflict)
		}
		made = specification{
			id: newID(), project: of, owner: actor.user, number: parent.next,
			title: strings.TrimSpace(*body.Title), content: *body.Content, version: 1, created: at, updated: at,
		}
		if at.Before(parent.updated) {
			at = parent.updated
		}
		b.Queue(insertSpecificationSQL, made.id, of, actor.user, made.number, made.title, made.content, made.created, made.updated)
		b.Queue(countSpecificationSQL, parent.count+1, parent.next+1, at, of, actor.user)
		return nil
	})
	if err != nil {
		return response{}, err
	}
	return response{
		status: http.StatusCreated, etag: etag(1), location: "/api/v1/specs/" + made.id.String(), body: append(made.open(nil), '}'),
	}, nil
}

// createItem is POST /specs/{id}/items, at the end of the list.
func (s *server) createItem(ctx context.Context, actor caller, of id, r *http.Request) (response, error) {
	var body text
	if err := decode(r, &body); err != nil {
		return response{}, err
	}
	if err := body.check(5000); err != nil || body.Content == nil || body.Title != nil {
		return response{}, statusError(http.StatusUnprocessableEntity)
	}
	var lock pgx.Batch
	lock.Queue(lockSpecificationSQL, of, actor.user)
	var row specification
	var at time.Time
	var made item
	err := s.change(ctx, actor, &lock, lockedSpecification(&row, &at), func(b *pgx.Batch) error {
		if len(row.items) >= mostItems {
			return statusError(http.StatusConflict)
		}
		made = item{
			id: newID(), spec: of, owner: actor.user, number: row.nextItem, order: int32(len(row.items)), //nolint:gosec // at most 100
			content: *body.Content, version: 1, created: at, updated: at,
		}
		row.touch(at)
		b.Queue(insertItemSQL, made.id, of, actor.user, made.number, made.content, made.created, made.updated)
		b.Queue(updateItemListSQL, append(row.items, made.id), row.nextItem+1, row.updated, of, actor.user)
		return nil
	})
	if err != nil {
		return response{}, err
	}
	return response{
		status: http.StatusCreated, etag: made.tag(), location: "/api/v1/items/" + made.id.String(), body: made.append(nil),
	}, nil
}

// reorder is PUT /specs/{id}/items/reorder.
func (s *server) reorder(ctx context.Context, actor caller, of id, r *http.Request) (response, error) {
	var body struct {
		Items []id `json:"item_ids"`
	}
	if err := decode(r, &body); err != nil {
		return response{}, err
	}
	var lock pgx.Batch
	lock.Queue(lockSpecificationSQL, of, actor.user)
	lock.Queue(listItemsSQL, of, actor.user)
	var row specification
	var items []item
	var at time.Time
	err := s.change(ctx, actor, &lock, func(results pgx.BatchResults) (err error) {
		if err := lockedSpecification(&row, &at)(results); err != nil {
			return err
		}
		items, err = readItems(results)
		return err
	}, func(b *pgx.Batch) error {
		if err := matches(r, row.version); err != nil {
			return err
		}
		if !sameSet(row.items, body.Items) {
			return statusError(http.StatusConflict)
		}
		if slices.Equal(row.items, body.Items) {
			return nil
		}
		row.items = body.Items
		row.touch(at)
		b.Queue(updateItemListSQL, row.items, row.nextItem, row.updated, of, actor.user)
		return nil
	})
	if err != nil {
		return response{}, err
	}
	list := appendItems([]byte(`{"items":`), row.ordered(items))
	return response{status: http.StatusOK, etag: etag(row.version), body: append(list, '}')}, nil
}

// sameSet reports whether wanted has exactly the ids of list, each once.
func sameSet(list, wanted []id) bool {
	has := make(map[id]bool, len(list))
	for _, item := range list {
		has[item] = true
	}
	for _, item := range wanted {
		if !has[item] {
			return false
		}
		delete(has, item)
	}
	return len(list) == len(wanted)
}
