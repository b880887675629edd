package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

const (
	maxBody    = 1 << 20
	maxTitle   = 200
	maxContent = 100_000
	maxItem    = 5000
)

// text is the body of a request about a specification or an item.
type text struct{ Title, Content *string }

func decode(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errors.Join(statusError(http.StatusUnprocessableEntity), err)
	}
	return nil
}

// decodeText reads a text and checks its lengths.
func decodeText(r *http.Request, most int) (t text, err error) {
	if err := decode(r, &t); err != nil {
		return t, err
	}
	if t.Title != nil {
		*t.Title = strings.TrimSpace(*t.Title)
	}
	if t.Content != nil && (strings.TrimSpace(*t.Content) == "" || utf8.RuneCountInString(*t.Content) > most) ||
		t.Title != nil && utf8.RuneCountInString(*t.Title) > maxTitle {
		return t, statusError(http.StatusUnprocessableEntity)
	}
	return t, nil
}

// expected is the version of If-Match, nil if any matches. A place behind it is ignored.
func expected(r *http.Request) (*int64, error) {
	tag := r.Header.Get("If-Match")
	if tag == "" || tag == "*" {
		return nil, nil //nolint:nilnil // no condition is not an error
	}
	number, _, _ := strings.Cut(strings.Trim(tag, `"`), "-")
	version, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return nil, statusError(http.StatusPreconditionFailed)
	}
	return &version, nil
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// createItem is POST /specs/{id}/items, at the end of the list.
func (s *server) createItem(ctx context.Context, q querier, actor caller, of id, r *http.Request) (written, error) {
	body, err := decodeText(r, maxItem)
	if err != nil {
		return written{}, err
	}
	if body.Content == nil || body.Title != nil {
		return written{}, statusError(http.StatusUnprocessableEntity)
	}
	made := item{id: newID(), spec: of, content: *body.Content, version: 1}
	var project id
	err = q.QueryRow(ctx, createItemSQL, actor.session, actor.user, of, made.id, made.content).Scan(&project, &made.specNumber, &made.number, &made.order, &made.created)
	if err != nil {
		return written{}, err
	}
	made.updated = made.created
	return written{response{
		status: http.StatusCreated, etag: made.tag(), location: "/api/v1/items/" + made.id.String(), body: made.append(nil),
	}, of, project}, nil
}

// createSpecification is POST /projects/{id}/specs.
func (s *server) createSpecification(ctx context.Context, q querier, actor caller, of id, r *http.Request) (written, error) {
	body, err := decodeText(r, maxContent)
	if err != nil {
		return written{}, err
	}
	if body.Content == nil || body.Title == nil {
		return written{}, statusError(http.StatusUnprocessableEntity)
	}
	made := specification{id: newID(), project: of, title: *body.Title, content: *body.Content, version: 1}
	err = q.QueryRow(ctx, createSpecificationSQL, actor.session, actor.user, of, made.id, made.title, made.content).Scan(&made.number, &made.created)
	if err != nil {
		return written{}, err
	}
	made.updated = made.created
	return written{response{
		status: http.StatusCreated, etag: etag(1), location: "/api/v1/specs/" + made.id.String(), body: append(made.open(nil), '}'),
	}, made.id, of}, nil
}

// updateSpecification is PATCH /specs/{id}.
func (s *server) updateSpecification(ctx context.Context, actor caller, of id, r *http.Request) (written, error) {
	body, err := decodeText(r, maxContent)
	if err != nil {
		return written{}, err
	}
	version, err := expected(r)
	if err != nil {
		return written{}, err
	}
	spec := specification{id: of}
	err = s.writes.QueryRow(ctx, updateSpecificationSQL, actor.session, actor.user, of, version, body.Title, body.Content).Scan(
		&spec.project, &spec.number, &spec.title, &spec.content, &spec.items, &spec.version, &spec.created, &spec.updated)
	if err != nil {
		return written{}, err
	}
	return written{response{status: http.StatusOK, etag: etag(spec.version), body: append(spec.open(nil), '}')}, of, spec.project}, nil
}

// updateItem is PATCH /items/{id}.
func (s *server) updateItem(ctx context.Context, actor caller, of id, r *http.Request) (written, error) {
	body, err := decodeText(r, maxItem)
	if err != nil {
		return written{}, err
	}
	version, err := expected(r)
	if err != nil {
		return written{}, err
	}
	if body.Content == nil || body.Title != nil {
		return written{}, statusError(http.StatusUnprocessableEntity)
	}
	changed := item{id: of, content: *body.Content}
	var project id
	err = s.writes.QueryRow(ctx, updateItemSQL, actor.session, actor.user, of, version, changed.content).Scan(
		&changed.spec, &project, &changed.specNumber, &changed.number, &changed.order, &changed.version, &changed.created, &changed.updated)
	if err != nil {
		return written{}, err
	}
	return written{response{status: http.StatusOK, etag: changed.tag(), body: changed.append(nil)}, changed.spec, project}, nil
}

// reorder is PUT /specs/{id}/items/reorder. The batch is one transaction, so its second
// statement reads the items in the new order.
func (s *server) reorder(ctx context.Context, actor caller, of id, r *http.Request) (written, error) {
	var body struct {
		Items []id `json:"item_ids"`
	}
	if err := decode(r, &body); err != nil {
		return written{}, err
	}
	version, err := expected(r)
	if err != nil {
		return written{}, err
	}
	batch := &pgx.Batch{}
	batch.Queue(reorderItemsSQL, actor.session, actor.user, of, version, body.Items)
	batch.Queue(readItemsSQL, actor.user, of)
	results := s.writes.SendBatch(ctx, batch)
	var project id
	var current int64
	var items []item
	if err = results.QueryRow().Scan(&project, &current); err == nil {
		items, err = scanItems(results, len(body.Items))
	}
	if closed := results.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return written{}, err
	}
	list := appendItems([]byte(`{"items":`), items)
	return written{response{status: http.StatusOK, etag: etag(current), body: append(list, `,"next_page_token":""}`...)}, of, project}, nil
}
