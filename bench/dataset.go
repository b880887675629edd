package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/codegenapp/codegenapp/bench/harness"
	"github.com/codegenapp/codegenapp/bench/seed"
	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
)

// maxUsers bounds how many users sign in; they are spread evenly over all.
const maxUsers = 512

// dataset is the same data in two databases, and the users that are signed in.
type dataset struct {
	// product has the schema of this codegenapp, and reference that of bench/reference,
	// which Fastify, Flask and pgbench use as well.
	product, reference harness.Database
	// loadedAt is when its rows were created.
	loadedAt time.Time
	// userCount is the number of users in the database; every step-th signs in.
	userCount, step int
	users           []*user
	specs           []*specTarget
	api             *api
	// pocketBase is the same data in PocketBase, nil if it is not measured.
	pocketBase *dataset
}

// as is the data as a program has it.
func (w *dataset) as(program string) *dataset {
	if program == pocketBase {
		return w.pocketBase
	}
	return w
}

// user is a user that is signed in.
type user struct {
	number int
	// session is the id of the session of the access token.
	session uuid.UUID
	// credentials is the header with the access token.
	credentials []byte
}

// specTarget is a specification of a signed-in user.
type specTarget struct {
	user          *user
	id, project   string
	first         string // the first specification of the project
	version       int64
	items         []string // in their current order
	itemVersion   int64    // of the first item
	specification uuid.UUID
}

// on returns the database of a program, and its schema.
func (w *dataset) on(program string) (harness.Database, seed.Layout) {
	switch program {
	case codegenapp, otherBuild, bare:
		return w.product, seed.Product
	}
	return w.reference, seed.Reference
}

// reset restores the rows of a program's database.
func (w *dataset) reset(ctx context.Context, program string) error {
	db, layout := w.on(program)
	return layout.Reset(ctx, db.Superuser)
}

// loadDataset fills the product's database with the given number of items, and that of
// its peers unless it has no name.
func (b *bench) loadDataset(ctx context.Context, db, reference harness.Database, items int) (*dataset, error) {
	w := &dataset{product: db, reference: reference, userCount: seed.Users(items), api: contractAPI, loadedAt: time.Now().Add(-24 * time.Hour).UTC()}
	members := min(w.userCount, maxUsers)
	w.step = w.userCount / members
	b.logf("loading %d items of %d users into %s", w.userCount*seed.Specifications*seed.Items, w.userCount, db.Name)
	if err := b.migrate(ctx, db); err != nil {
		return nil, err
	}
	if err := seed.Product.Load(ctx, db.Superuser, b.harness.IssuerURL(), w.userCount, w.loadedAt); err != nil {
		return nil, err
	}
	at, err := b.process(ctx, variant{program: codegenapp}, w)
	if err != nil {
		return nil, err
	}
	b.logf("signing %d of them in", members)
	w.users = make([]*user, members)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for k := range members {
		group.Go(func() (err error) {
			w.users[k], err = b.signIn(groupCtx, at.Address, 1+k*w.step)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	w.specs = targets(w.users)
	if reference.Name == "" {
		return w, nil
	}
	if err := b.loadReference(ctx, w); err != nil {
		return nil, err
	}
	if b.includes(pocketBase) {
		w.pocketBase, err = b.loadPocketBase(ctx, w)
	}
	return w, err
}

// targets are the specifications of users.
func targets(users []*user) []*specTarget {
	var specs []*specTarget
	for _, m := range users {
		for n := range seed.Specifications {
			spec := seed.SpecificationOf(m.number, n)
			specs = append(specs, &specTarget{
				user: m, specification: spec, id: spec.String(), project: seed.ProjectOf(m.number).String(), first: seed.SpecificationOf(m.number, 0).String(),
			})
		}
	}
	return specs
}

// client signs users in; it uses no proxy.
var client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}

// signIn signs a user in through the API.
func (b *bench) signIn(ctx context.Context, address string, u int) (*user, error) {
	idToken, err := b.harness.Issuer.IDToken(issuer.Claims{Email: seed.Email(u), Subject: seed.Subject(u)})
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	body, err := json.Marshal(map[string]string{"id_token": idToken})
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/api/v1/auth/login", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	defer answer.Body.Close()
	var grant struct {
		AccessToken string `json:"access_token"`
		Detail      string `json:"detail"`
		User        struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&grant); err != nil || grant.AccessToken == "" {
		return nil, fmt.Errorf("sign in: %s %s", answer.Status, grant.Detail)
	}
	if want := seed.ID(seed.User, u).String(); grant.User.ID != want {
		return nil, fmt.Errorf("sign in: this is user %s, not %s", grant.User.ID, want)
	}
	session, err := sessionOf(grant.AccessToken)
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	return &user{number: u, session: session, credentials: []byte("Authorization: Bearer " + grant.AccessToken + "\r\n")}, nil
}

// refresh reads the versions and orders that writes have to send.
func (w *dataset) refresh(ctx context.Context, program string) error {
	db, layout := w.on(program)
	conn, err := pgx.Connect(ctx, db.Superuser)
	if err != nil {
		return fmt.Errorf("read the specifications: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	owners, ids := make([]uuid.UUID, len(w.specs)), make([]uuid.UUID, len(w.specs))
	for n, s := range w.specs {
		owners[n], ids[n] = seed.ID(seed.User, s.user.number), s.specification
	}
	rows, err := conn.Query(ctx, `
SELECT s.version, s.item_ids::text[], i.version
FROM   unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS o (owner_id, id, n)
JOIN   specifications AS s USING (owner_id, id)
JOIN   `+layout.Items+` AS i ON i.owner_id = s.owner_id AND i.id = s.item_ids[1]
ORDER  BY n`, owners, ids)
	if err != nil {
		return fmt.Errorf("read the specifications: %w", err)
	}
	n := 0
	var version, itemVersion int64
	var items []string
	_, err = pgx.ForEachRow(rows, []any{&version, &items, &itemVersion}, func() error {
		w.specs[n].version, w.specs[n].items, w.specs[n].itemVersion = version, append([]string(nil), items...), itemVersion
		n++
		return nil
	})
	if err == nil && n != len(w.specs) {
		err = fmt.Errorf("%d of %d are gone", len(w.specs)-n, len(w.specs))
	}
	if err != nil {
		return fmt.Errorf("read the specifications: %w", err)
	}
	return nil
}
