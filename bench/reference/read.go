package main

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// specification is a row, with whether its project is in the trash.
type specification struct {
	id, project, owner   id
	number, nextItem     int32
	title, content       string
	items                []id
	version              int64
	created, updated     time.Time
	deleted              *time.Time
	trashed, projectGone bool
}

func (s *specification) fields() []any {
	return []any{
		&s.id, &s.project, &s.owner, &s.number, &s.title, &s.content, &s.items, &s.nextItem,
		&s.version, &s.created, &s.updated, &s.deleted, &s.trashed,
	}
}

// live is nil unless the specification or its project is in the trash.
func (s *specification) checkLive() error {
	if s.trashed || s.projectGone {
		return statusError(http.StatusNotFound)
	}
	return nil
}

type item struct {
	id, spec, owner  id
	number, order    int32
	content          string
	version          int64
	created, updated time.Time
}

func (i *item) fields() []any {
	return []any{&i.id, &i.spec, &i.owner, &i.number, &i.content, &i.version, &i.created, &i.updated}
}

type project struct {
	id, owner          id
	title, description string
	count, next        int32
	version            int64
	created, updated   time.Time
	deleted            *time.Time
	trashed            bool
}

func (p *project) fields() []any {
	return []any{&p.id, &p.owner, &p.title, &p.description, &p.count, &p.next, &p.version, &p.created, &p.updated, &p.deleted, &p.trashed}
}

// sendBatch sends a batch that begins with skip statements before the tenant scope, and
// lets read take what comes behind it.
func (s *server) sendBatch(ctx context.Context, batch *pgx.Batch, skip int, read func(pgx.BatchResults) error) error {
	results := s.pool.SendBatch(ctx, batch)
	err := readScope(results, skip)
	if err == nil {
		err = read(results)
	}
	if closed := results.Close(); err == nil {
		err = closed
	}
	return err
}

// readScope reads the results up to that of the tenant scope.
func readScope(results pgx.BatchResults, skip int) error {
	for range skip {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	var live bool
	if err := results.QueryRow().Scan(&live, nil, nil, nil, nil, nil, nil, nil); err != nil {
		return err
	}
	if !live {
		return statusError(http.StatusUnauthorized)
	}
	return nil
}

// specification is GET /specs/{id}: one implicit transaction in one round trip.
func (s *server) specification(ctx context.Context, actor caller, of id) (response, error) {
	var batch pgx.Batch
	batch.Queue(scopeSQL, actor.session, actor.user)
	batch.Queue(getSpecificationSQL, of, actor.user)
	var row specification
	err := s.sendBatch(ctx, &batch, 0, func(results pgx.BatchResults) error {
		return results.QueryRow().Scan(append(row.fields(), &row.projectGone)...)
	})
	if err == nil {
		err = row.checkLive()
	}
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, etag: etag(row.version), body: append(row.open(nil), '}')}, nil
}

const beginReadSQL = "begin isolation level repeatable read, read only"

// specificationWithItems is GET /specs/{id}?include=items.
func (s *server) specificationWithItems(ctx context.Context, actor caller, of id) (response, error) {
	var batch pgx.Batch
	batch.Queue(beginReadSQL)
	batch.Queue(scopeSQL, actor.session, actor.user)
	batch.Queue(getSpecificationSQL, of, actor.user)
	batch.Queue(listItemsSQL, of, actor.user)
	batch.Queue("commit")
	var row specification
	var items []item
	err := s.sendBatch(ctx, &batch, 1, func(results pgx.BatchResults) (err error) {
		if err := results.QueryRow().Scan(append(row.fields(), &row.projectGone)...); err != nil {
			return err
		}
		if items, err = readItems(results); err != nil {
			return err
		}
		_, err = results.Exec()
		return err
	})
	if err == nil {
		err = row.checkLive()
	}
	if err != nil {
		return response{}, err
	}
	body := appendItems(append(row.open(nil), `,"items":`...), row.ordered(items))
	return response{status: http.StatusOK, etag: etag(row.version), body: append(body, '}')}, nil
}

func readItems(results pgx.BatchResults) ([]item, error) {
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var items []item
	for rows.Next() {
		var i item
		if err := rows.Scan(i.fields()...); err != nil {
			return nil, err
		}
		items = append(items, i)
	}
	return items, rows.Err()
}

// ordered gives items the places that the specification's list says.
func (s *specification) ordered(items []item) []item {
	for n := range items {
		items[n].order = int32(slices.Index(s.items, items[n].id)) //nolint:gosec // a list has at most 100
	}
	slices.SortFunc(items, func(a, b item) int { return int(a.order - b.order) })
	return items
}

// specifications is GET /projects/{id}/specs, the first page.
func (s *server) specifications(ctx context.Context, actor caller, of id, size int) (response, error) {
	var batch pgx.Batch
	batch.Queue(beginReadSQL)
	batch.Queue(scopeSQL, actor.session, actor.user)
	batch.Queue(getProjectSQL, of, actor.user)
	batch.Queue(listSpecificationsSQL, of, actor.user, false, size+1)
	batch.Queue("commit")
	var parent project
	page := make([]specification, 0, size+1)
	err := s.sendBatch(ctx, &batch, 1, func(results pgx.BatchResults) error {
		if err := results.QueryRow().Scan(parent.fields()...); err != nil {
			return err
		}
		rows, err := results.Query()
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			page = append(page, specification{})
			if err := rows.Scan(page[len(page)-1].fields()...); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		_, err = results.Exec()
		return err
	})
	if err == nil && parent.trashed {
		err = statusError(http.StatusNotFound)
	}
	if err != nil {
		return response{}, err
	}
	next := ""
	if len(page) > size {
		page = page[:size]
		next = s.pageToken(actor, of, &page[size-1])
	}
	return response{status: http.StatusOK, body: appendPage(nil, page, next)}, nil
}
