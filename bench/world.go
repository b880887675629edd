package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/codegenapp/codegenapp/bench/seed"
	"github.com/codegenapp/codegenapp/bench/stage"
	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
)

// mostMembers bounds how many users sign in; they are spread evenly over all.
const mostMembers = 512

// world is a database and the users who have signed in to it.
type world struct {
	db stage.Database
	// users are there, of which every step-th is a member.
	users, step int
	members     []*member
	spots       []*spot
}

// member is a user who has signed in.
type member struct {
	u int
	// credentials is the header with the access token.
	credentials []byte
}

// spot is a specification of a member.
type spot struct {
	member        *member
	id, project   string
	first         string // the first specification of the project
	version       int64
	items         []string // in their present order
	specification uuid.UUID
}

// load fills a database with the given number of items.
func (b *bench) load(ctx context.Context, db stage.Database, items int) (*world, error) {
	w := &world{db: db, users: seed.Users(items)}
	members := min(w.users, mostMembers)
	w.step = w.users / members
	b.say("loading %d items of %d users into %s", w.users*seed.Specifications*seed.Items, w.users, db.Name)
	if err := b.migrate(ctx, db); err != nil {
		return nil, err
	}
	if err := seed.Load(ctx, db.Superuser, b.stage.IssuerURL(), w.users); err != nil {
		return nil, err
	}
	at, err := b.process(ctx, variant{program: codegenapp}, db)
	if err != nil {
		return nil, err
	}
	b.say("signing %d of them in", members)
	w.members = make([]*member, members)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for k := range members {
		group.Go(func() (err error) {
			w.members[k], err = b.signIn(ctx, at.Address, 1+k*w.step)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, m := range w.members {
		for n := range seed.Specifications {
			spec := seed.SpecificationOf(m.u, n)
			w.spots = append(w.spots, &spot{
				member: m, specification: spec, id: spec.String(), project: seed.ProjectOf(m.u).String(), first: seed.SpecificationOf(m.u, 0).String(),
			})
		}
	}
	return w, nil
}

// client signs users in, past any proxy.
var client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}

// signIn signs a user in, as anybody does.
func (b *bench) signIn(ctx context.Context, address string, u int) (*member, error) {
	idToken, err := b.stage.Issuer.IDToken(issuer.Claims{Email: seed.Email(u), Subject: seed.Subject(u)})
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
	return &member{u: u, credentials: []byte("Authorization: Bearer " + grant.AccessToken + "\r\n")}, nil
}

// look reads the versions and orders that changes have to know.
func (w *world) look(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, w.db.Superuser)
	if err != nil {
		return fmt.Errorf("look at the specifications: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	owners, ids := make([]uuid.UUID, len(w.spots)), make([]uuid.UUID, len(w.spots))
	for n, s := range w.spots {
		owners[n], ids[n] = seed.ID(seed.User, s.member.u), s.specification
	}
	rows, err := conn.Query(ctx, `
SELECT version, item_ids::text[]
FROM   unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS o (owner_id, id, n)
JOIN   specifications AS s USING (owner_id, id)
ORDER  BY n`, owners, ids)
	if err != nil {
		return fmt.Errorf("look at the specifications: %w", err)
	}
	n := 0
	var version int64
	var items []string
	_, err = pgx.ForEachRow(rows, []any{&version, &items}, func() error {
		w.spots[n].version, w.spots[n].items = version, append([]string(nil), items...)
		n++
		return nil
	})
	if err == nil && n != len(w.spots) {
		err = fmt.Errorf("%d of %d are gone", len(w.spots)-n, len(w.spots))
	}
	if err != nil {
		return fmt.Errorf("look at the specifications: %w", err)
	}
	return nil
}

// withLogin is a database's URL for somebody else.
func withLogin(database, user, password string) (string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return "", fmt.Errorf("read the database's URL: %w", err)
	}
	u.User = url.UserPassword(user, password)
	return u.String(), nil
}
