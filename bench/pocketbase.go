package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/codegenapp/codegenapp/bench/load"
	"github.com/codegenapp/codegenapp/bench/seed"
)

// PocketBase has an API and a database of its own. Its rows have the same ids and
// contents, and its requests the same effects.

// pocketBaseAPI is the requests to bench/peers/pocketbase.
var pocketBaseAPI = &api{
	read:          recordRequest(""),
	readWithItems: recordRequest("?expand=items"),
	readList: func(b []byte, s *specTarget) ([]byte, load.Want) {
		return appendRequest(b, http.MethodGet, records+"specs/records?filter=project%3D%22"+s.project+"%22&sort=number&perPage=20&skipTotal=1", s.user, "", nil),
			load.Want{Status: 200, Prefix: []byte(`{"items":[{"`), Contains: []byte(`"id":"` + s.first)}
	},
	patch: func(b []byte, s *specTarget) ([]byte, load.Want) {
		version := strconv.FormatInt(s.version, 10)
		return patchRecord(b, "specs/records/"+s.id, s, version, `{"content":"Revision `+version+filler+`"}`)
	},
	patchItem: func(b []byte, s *specTarget) ([]byte, load.Want) {
		version := strconv.FormatInt(s.itemVersion, 10)
		return patchRecord(b, "items/records/"+s.items[0], s, version, `{"content":"Point `+version+filler+`"}`)
	},
	rotate: func(b []byte, s *specTarget) ([]byte, load.Want) {
		s.items = append(s.items[1:], s.items[0])
		return patchRecord(b, "specs/records/"+s.id+"?expand=items", s, strconv.FormatInt(s.version, 10), `{"items":["`+strings.Join(s.items, `","`)+`"]}`)
	},
	createItem: func(b []byte, s *specTarget) ([]byte, load.Want) {
		body := `{"spec":"` + s.id + `","content":"Refunds above 500 need a second person, who is not the first."}`
		return appendRequest(b, http.MethodPost, records+"items/records", s.user, "", []byte(body)), load.Want{Status: 200, Contains: []byte(s.id)}
	},
	createSpecification: func(b []byte, s *specTarget) ([]byte, load.Want) {
		body := `{"project":"` + s.project + `","title":"Refunds","content":"Created` + filler + `"}`
		return appendRequest(b, http.MethodPost, records+"specs/records", s.user, "", []byte(body)), load.Want{Status: 200, Contains: []byte(s.project)}
	},
}

const records = "/api/collections/"

func recordRequest(query string) action {
	return func(b []byte, s *specTarget) ([]byte, load.Want) {
		return appendRequest(b, http.MethodGet, records+"specs/records/"+s.id+query, s.user, "", nil), load.Want{Status: 200, Contains: []byte(`"id":"` + s.id)}
	}
}

func patchRecord(b []byte, path string, s *specTarget, version, body string) ([]byte, load.Want) {
	return appendRequest(b, http.MethodPatch, records+path, s.user, `If-Match: "`+version+"\"\r\n", []byte(body)), load.Want{Status: 200, Prefix: []byte(`{"`)}
}

// pocketBaseSeed is the directory with the data of a PocketBase that has had no requests.
func (b *bench) pocketBaseSeed() string { return filepath.Join(b.harness.Dir, "pocketbase-seed") }

// loadPocketBase loads the same rows, and signs the same users in.
func (b *bench) loadPocketBase(ctx context.Context, w *dataset) (*dataset, error) {
	b.logf("loading PocketBase")
	var rows bytes.Buffer
	lines := json.NewEncoder(&rows)
	for u := 1; u <= w.userCount; u++ {
		for _, line := range pocketBaseRows(u, w.loadedAt.Format("2006-01-02 15:04:05.000Z")) {
			if err := lines.Encode(line); err != nil {
				return nil, fmt.Errorf("load PocketBase: %w", err)
			}
		}
	}
	cmd := exec.CommandContext(ctx, b.bin(pocketBase), "seed", "--dir", b.pocketBaseSeed()) //nolint:gosec // built by us
	cmd.Dir, cmd.Stdin = b.harness.Dir, &rows
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("load PocketBase: %w\n%s", err, out)
	}
	tokens := map[string]string{}
	for line := range strings.Lines(string(out)) {
		id, token, _ := strings.Cut(strings.TrimSpace(line), " ")
		tokens[id] = token
	}
	same := &dataset{userCount: w.userCount, step: w.step, api: pocketBaseAPI}
	for _, u := range w.users {
		token := tokens[seed.ID(seed.User, u.number).String()]
		same.users = append(same.users, &user{number: u.number, credentials: []byte("Authorization: Bearer " + token + "\r\n")})
	}
	same.specs = targets(same.users)
	return same, nil
}

// pocketBaseRow is a row of a table.
type pocketBaseRow struct {
	Table string         `json:"table"`
	Row   map[string]any `json:"row"`
}

func pocketBaseRows(u int, at string) (rows []pocketBaseRow) {
	owner := seed.ID(seed.User, u)
	add := func(table string, row map[string]any) {
		row["created"], row["updated"] = at, at
		rows = append(rows, pocketBaseRow{table, row})
	}
	add("users", map[string]any{"id": owner, "email": seed.Email(u), "tokenKey": rand.Text() + rand.Text(), "password": "", "verified": true})
	project := func(id any, count int) {
		add("projects", map[string]any{"id": id, "owner": owner, "title": "Orders", "specification_count": count, "next_number": count + 1})
	}
	project(seed.ProjectOf(u), seed.Specifications)
	for n := range seed.EmptyProjects {
		project(seed.EmptyProjectOf(u, n), 0)
	}
	for n := range seed.Specifications {
		spec := seed.SpecificationOf(u, n)
		for m, id := range seed.ItemsOf(u, n) {
			add("items", map[string]any{"id": id, "owner": owner, "spec": spec, "number": m + 1, "content": seed.ItemContent(m), "version": 1})
		}
		items, _ := json.Marshal(seed.ItemsOf(u, n)) // ids can always be encoded
		add("specs", map[string]any{
			"id": spec, "owner": owner, "project": seed.ProjectOf(u), "number": n + 1, "title": seed.Title(u, n),
			"content": seed.Content(u, n), "items": string(items), "next_item": seed.Items + 1, "version": 1,
		})
	}
	return rows
}

// restorePocketBase stops PocketBase if a turn writes, so that the next one starts with a
// copy of the seed, and sets the versions and orders to those of the seed.
func (b *bench) restorePocketBase(w *dataset, e contender, writes bool) {
	key := serverKey{variant: e.servers[0]}
	if p := b.running[key]; writes && p != nil {
		p.Stop()
		delete(b.running, key)
	}
	for n, s := range w.specs {
		s.version, s.itemVersion, s.items = 1, 1, nil
		for _, id := range seed.ItemsOf(s.user.number, n%seed.Specifications) {
			s.items = append(s.items, id.String())
		}
	}
}

// copyPocketBase copies the seed into a new directory.
func (b *bench) copyPocketBase() (string, error) {
	dir, err := os.MkdirTemp(b.harness.Dir, "pocketbase-")
	if err != nil {
		return "", fmt.Errorf("copy PocketBase: %w", err)
	}
	if err := os.CopyFS(dir, os.DirFS(b.pocketBaseSeed())); err != nil {
		return "", fmt.Errorf("copy PocketBase: %w", err)
	}
	return dir, nil
}
