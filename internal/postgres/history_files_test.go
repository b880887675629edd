package postgres_test

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// pasted is a project with a secret in every text that a user writes: a short one, stored
// in the row, and one that is too long for a row. Both are random, so PostgreSQL cannot
// compress them.
type pasted struct {
	*tenant
	past        *history.Service
	project     requirements.ProjectID
	spec        requirements.SpecificationID
	short, long string
}

func paste(f *fixture) *pasted {
	random := make([]byte, 4000)
	_, _ = rand.Read(random)
	text := base64.RawURLEncoding.EncodeToString(random)
	p := &pasted{tenant: newTenant(f), short: "AKIA" + text[:40], long: text[40:]}
	p.past, p.project, p.spec = history.NewService(p.store, highLimits), p.live, p.tenant.spec
	ctx, anything := f.t.Context(), requirements.Precondition{}
	key := func(name string) requirements.IdempotentRequest { return requirements.IdempotentRequest{Key: name} }

	title, description := "title "+p.short, p.short
	patch, _ := requirements.ParseProjectPatch(&title, &description)
	_, err := p.service.PatchProject(ctx, p.actor, p.project, anything, patch)
	p.must(err)
	draft, _ := requirements.ParseNewSpecification("title "+p.short, "content "+p.short+p.long)
	_, err = p.service.CreateSpecification(ctx, p.actor, p.project, key("specification"), anything, draft)
	p.must(err)
	p.writeSpec("title "+p.short, "content "+p.short+p.long)
	for _, content := range []string{p.short, p.long} {
		item, _ := requirements.ParseNewItem(content, nil)
		_, made, err := p.service.CreateItem(ctx, p.actor, p.spec, key("item "+content[:8]), anything, item)
		p.must(err)
		_, err = p.service.DeleteItem(ctx, p.actor, made.Value.ID, anything)
		p.must(err)
	}
	return p
}

func (p *pasted) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pasted) writeSpec(title, content string) {
	p.t.Helper()
	patch, _ := requirements.ParseSpecificationPatch(&title, &content)
	_, err := p.service.PatchSpecification(p.t.Context(), p.actor, p.spec, requirements.Precondition{}, patch)
	p.must(err)
}

// editAway writes other texts everywhere, and returns the revision and the versions of the
// specifications that this made.
func (p *pasted) editAway() (revision int64, versions map[requirements.SpecificationID]int64) {
	p.t.Helper()
	ctx := p.t.Context()
	patch, _ := requirements.ParseProjectPatch(new("title"), new("description"))
	_, err := p.service.PatchProject(ctx, p.actor, p.project, requirements.Precondition{}, patch)
	p.must(err)
	q := requirements.ListQuery{Query: everything}
	q.After, q.Order.Column = nil, "number"
	_, specs, err := p.store.Specifications(ctx, p.actor, p.project, q)
	p.must(err)
	versions = map[requirements.SpecificationID]int64{}
	for _, s := range specs {
		p.spec = s.ID
		p.writeSpec("title", "content")
		now, err := p.service.Specification(ctx, p.actor, s.ID)
		p.must(err)
		versions[s.ID] = now.Version
	}
	project, err := p.service.Project(ctx, p.actor, p.project)
	p.must(err)
	return project.Revision, versions
}

// needles are parts of the secrets. A part of the long one may be cut by the storage, but
// not all of them.
func (p *pasted) needles() []string {
	return []string{p.short, p.long[100:140], p.long[2500:2540], p.long[5000:5040]}
}

// filesWith returns the relations whose files in the data directory contain one of the
// texts, after everything was written to disk.
func filesWith(t *testing.T, super *pgx.Conn, needles []string) []string {
	t.Helper()
	mustExec(t, super, "CHECKPOINT")
	found := column[string](t, super, `
SELECT DISTINCT coalesce(pg_filenode_relation(0, substring(f.name FROM '^[0-9]+')::oid)::regclass::text, f.name)
FROM   (SELECT 'base/' || oid || '/' AS dir FROM pg_database WHERE datname = current_database()) AS d,
       pg_ls_dir(d.dir) AS f (name), pg_read_binary_file(d.dir || f.name) AS file (content), unnest($1::text[]) AS needle
WHERE  position(convert_to(needle, 'UTF8') IN file.content) > 0`, needles)
	slices.Sort(found)
	return found
}

// A secret that was pasted is in no file of the database once its history is deleted, its
// project is purged, or the account is deleted. It is in no row at once. The bytes of dead
// rows are gone when the tables are written anew: plain VACUUM only frees their space.
func TestHistory_ErasedTextIsInNoFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	super := connect(t, f.Super)
	paste(f) // of another user: ANALYZE does not renew the samples of an empty table
	for name, erase := range map[string]func(p *pasted){
		"the history of each specification and of the project's texts": func(p *pasted) {
			revision, versions := p.editAway()
			for spec, version := range versions {
				p.must(p.past.EraseHistory(t.Context(), p.actor, spec, version))
			}
			p.must(p.past.EraseProjectHistory(t.Context(), p.actor, p.project, revision))
		},
		"the history of the project": func(p *pasted) {
			revision, _ := p.editAway()
			p.must(p.past.EraseProjectHistory(t.Context(), p.actor, p.project, revision))
		},
		"a purged project": func(p *pasted) {
			p.must(p.trash(t.Context(), p.project))
			_, err := p.store.Purge(t.Context(), time.Now().Add(time.Hour))
			p.must(err)
		},
		"a deleted account": func(p *pasted) { p.must(p.store.DeleteAccount(t.Context(), p.actor, eventBy(p.actor), alwaysDelete)) },
	} {
		p := paste(f)
		mustExec(t, super, "ANALYZE")
		before := filesWith(t, super, p.needles())
		for _, table := range []string{"bullet_items", "changes", "idempotency_keys", "projects", "specifications", "pg_toast"} {
			if !slices.ContainsFunc(before, func(found string) bool { return strings.Contains(found, table) }) {
				t.Errorf("%s: before, the secret is in %v, and not in %s", name, before, table)
			}
		}
		erase(p)
		for _, table := range readTables(t, super) {
			for _, needle := range p.needles() {
				if n := value[int](t, super, "SELECT count(*) FROM "+table.name+" AS r WHERE strpos(r::text, $1) > 0", needle); n > 0 {
					t.Errorf("%s: the secret is in %d rows of %s", name, n, table.name)
				}
			}
		}
		mustExec(t, super, "VACUUM")
		t.Logf("%s: after VACUUM, the bytes are in free space of %v", name, filesWith(t, super, p.needles()))
		var left []string
		for range 5 { // an autovacuum of the server can keep dead rows of the catalog meanwhile
			mustExec(t, super, "ANALYZE", "VACUUM FULL")
			if left = filesWith(t, super, p.needles()); len(left) == 0 {
				break
			}
			time.Sleep(time.Second)
		}
		if len(left) > 0 {
			t.Errorf("%s: the secret is in the files of %v; samples: %v", name, left, column[string](t, super,
				"SELECT s.tablename || '.' || s.attname FROM pg_stats AS s, unnest($1::text[]) AS needle WHERE position(needle IN s::text) > 0", p.needles()))
		}
	}
}

// The planner's samples of the history have no texts.
func TestHistory_StatisticsHaveNoTexts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	super := connect(t, f.Super)
	paste(f).editAway()
	mustExec(t, super, "ANALYZE changes")
	sampled := column[string](t, super, "SELECT attname FROM pg_stats WHERE tablename = 'changes'")
	if slices.Contains(sampled, "old_title") || slices.Contains(sampled, "old_content") || !slices.Contains(sampled, "revision") {
		t.Errorf("there are samples of %v", sampled)
	}
}
