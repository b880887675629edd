package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

type specification struct {
	id, project      id
	number, items    int32
	title, content   string
	version          int64
	created, updated time.Time
}

type item struct {
	id, spec         id
	number, order    int32
	specNumber       int32
	content          string
	version          int64
	created, updated time.Time
}

// readBatch begins a batch with the statement that checks the session and sets the user.
func readBatch(actor caller) *pgx.Batch {
	batch := &pgx.Batch{}
	batch.Queue(scopeSQL, actor.session, actor.user)
	return batch
}

// read sends a batch of reads: one round trip, one implicit transaction, one snapshot.
// scan takes what follows the first statement.
func (s *server) read(ctx context.Context, batch *pgx.Batch, scan func(pgx.BatchResults) error) error {
	results := s.reads.SendBatch(ctx, batch)
	err := scanScope(results)
	if err == nil {
		err = scan(results)
	}
	if closed := results.Close(); err == nil {
		err = closed
	}
	return err
}

// scanScope reads the result of the first statement.
func scanScope(results pgx.BatchResults) error {
	err := results.QueryRow().Scan(nil)
	if errors.Is(err, pgx.ErrNoRows) {
		return statusError(http.StatusUnauthorized)
	}
	return err
}

func (s *specification) scan(results pgx.BatchResults) error {
	return results.QueryRow().Scan(&s.id, &s.project, &s.number, &s.title, &s.content, &s.items, &s.version, &s.created, &s.updated)
}

// readSpecification is GET /specs/{id}.
func (s *server) readSpecification(ctx context.Context, actor caller, of id) (response, error) {
	batch := readBatch(actor)
	batch.Queue(readSpecificationSQL, actor.user, of)
	var spec specification
	if err := s.read(ctx, batch, spec.scan); err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, etag: etag(spec.version), body: append(spec.open(nil), '}')}, nil
}

// readWithItems is GET /specs/{id}?include=items.
func (s *server) readWithItems(ctx context.Context, actor caller, of id) (response, error) {
	batch := readBatch(actor)
	batch.Queue(readSpecificationSQL, actor.user, of)
	batch.Queue(readItemsSQL, actor.user, of)
	var spec specification
	var items []item
	err := s.read(ctx, batch, func(results pgx.BatchResults) (err error) {
		if err := spec.scan(results); err != nil {
			return err
		}
		items, err = scanItems(results, int(spec.items))
		return err
	})
	if err != nil {
		return response{}, err
	}
	body := appendItems(append(spec.open(nil), `,"items":`...), items)
	return response{status: http.StatusOK, etag: etag(spec.version), body: append(body, '}')}, nil
}

// scanItems reads items in their order.
func scanItems(results pgx.BatchResults, count int) ([]item, error) {
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	items := make([]item, 0, count)
	for rows.Next() {
		i := item{order: int32(len(items))} //nolint:gosec // at most 500
		if err := rows.Scan(&i.id, &i.spec, &i.specNumber, &i.number, &i.content, &i.version, &i.created, &i.updated); err != nil {
			return nil, err
		}
		items = append(items, i)
	}
	return items, rows.Err()
}

// listSpecifications is GET /projects/{id}/specs, the first page.
func (s *server) listSpecifications(ctx context.Context, actor caller, of id, size int) (response, error) {
	batch := readBatch(actor)
	batch.Queue(listSpecificationsSQL, actor.user, of, size+1)
	page := make([]specification, 0, size+1)
	found := false
	err := s.read(ctx, batch, func(results pgx.BatchResults) error {
		rows, err := results.Query()
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			found = true
			if rows.RawValues()[0] == nil {
				continue
			}
			page = append(page, specification{project: of})
			p := &page[len(page)-1]
			if err := rows.Scan(&p.id, &p.number, &p.title, &p.content, &p.items, &p.version, &p.created, &p.updated); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err == nil && !found {
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
