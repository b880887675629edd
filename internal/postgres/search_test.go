package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/search"
)

// searchFixture is a user with a project, in a database of several users.
type searchFixture struct {
	*tenant
	t testing.TB
}

func newSearchFixture(t *testing.T) searchFixture {
	t.Helper()
	return searchFixture{newTenant(newFixture(t)), t}
}

// project creates a project.
func (x searchFixture) project(title, description string) requirements.ProjectID {
	x.t.Helper()
	d, faults := requirements.ParseNewProject(title, description)
	made, err := x.service.CreateProject(x.t.Context(), x.actor, requirements.IdempotentRequest{}, d)
	if faults != nil || err != nil {
		x.t.Fatalf("create a project: %v, %v", faults, err)
	}
	return made.Value.ID
}

// specification creates a specification in a project.
func (x searchFixture) specification(project requirements.ProjectID, title, content string) requirements.SpecificationID {
	x.t.Helper()
	d, faults := requirements.ParseNewSpecification(title, content)
	made, err := x.service.CreateSpecification(x.t.Context(), x.actor, project, requirements.IdempotentRequest{}, requirements.Precondition{}, d)
	if faults != nil || err != nil {
		x.t.Fatalf("create a specification: %v, %v", faults, err)
	}
	return made.Value.ID
}

// item creates an item of a specification.
func (x searchFixture) item(spec requirements.SpecificationID, content string) requirements.ItemID {
	x.t.Helper()
	d, faults := requirements.ParseNewItem(content, nil)
	_, made, err := x.service.CreateItem(x.t.Context(), x.actor, spec, requirements.IdempotentRequest{}, requirements.Precondition{}, d)
	if faults != nil || err != nil {
		x.t.Fatalf("create an item: %v, %v", faults, err)
	}
	return made.Value.ID
}

// search returns all hits of a query, read in pages of three.
func (x searchFixture) search(text string, narrow ...func(*requirements.SearchQuery)) []requirements.Hit {
	x.t.Helper()
	q := requirements.SearchQuery{Query: page.Query{Limit: 3}, Text: search.Parse(text)}
	for _, n := range narrow {
		n(&q)
	}
	var all []requirements.Hit
	for {
		hits, err := x.service.Search(x.t.Context(), x.actor, q)
		if err != nil || !hits.Complete {
			x.t.Fatalf("search %q: complete %t, %v", text, hits.Complete, err)
		}
		all = append(all, hits.Rows...)
		if q.After = hits.Next; q.After == nil {
			return all
		}
	}
}

// found says what a search found: kind and title or snippet of each hit, in order.
func found(hits []requirements.Hit) []string {
	all := []string{}
	for _, h := range hits {
		text := h.Title
		if h.Kind == requirements.ItemHit {
			text = ""
			for _, s := range h.Snippet {
				text += s.Text
			}
		}
		all = append(all, string(h.Kind)+" "+text)
	}
	return all
}

func TestSearch_EveryScriptAndCharacter(t *testing.T) {
	t.Parallel()
	x := newSearchFixture(t)
	for text, queries := range map[string][]string{
		"A customer gets the refund within\n  a day.":     {"REFUND customer", "custom", `"within a day"`, "day. refund", "refund -invoice", `refund -"a year"`},
		"客户退款申请在一天内处理":                                    {"退款", "申请 客户", "一天内"},
		"お客様は返金を受け取ります。":                                  {"返金", "受け取り お客様"},
		"ลูกค้าได้รับเงินคืนภายในหนึ่งวัน":                {"เงินคืน", "ลูกค้า"},
		"고객은 하루 안에 환불을 받는다":                               {"환불", "환불을 고객은"},
		"يسترد العميل المال خلال يوم":                     {"المال", "العميل يسترد"},
		"Kundenrückerstattungsantrag für ÄRZTE":           {"rückerstattung", "KUNDENRÜCKERSTATTUNG antrag", "ärzte", "FÜR"},
		"Клиент получает ВОЗВРАТ за день":                 {"возврат", "ВОЗВРАТ клиент", `"возврат ЗА"`},
		"Ο ΣΊΣΥΦΟΣ επιστρέφει":                            {"σίσυφος", "ΕΠΙΣΤΡΈΦΕΙ"},
		"ship 🚀 by 👩‍💻 today":                             {"🚀", "👩‍💻", "👩 🚀", `"🚀 by"`},
		"100%_done":                                       {"100%", "%_", "%", "_done"},
		`C:\temp\new 'quoted' "double"`:                   {`\temp`, `\`, `'quoted'`, `"double`, `\new 'q`},
		"tsquery:* a & b | !c <-> (d) [e] {f} ^g$ h? *+.": {":*", "& |", "!c", "<->", "(d)", "[e]", "{f}", "^g$", "h?", "*+.", "***"[:1]},
		"tab\tand\u00a0no-break\u3000wide":                {`"tab and no-break wide"`},
	} {
		t.Run(text, func(t *testing.T) {
			spec := x.specification(x.live, "Other", "nothing else")
			x.item(spec, text)
			for _, q := range queries {
				x := searchFixture{x.tenant, t}
				if got := found(x.search(q, func(q *requirements.SearchQuery) { q.Kind = requirements.ItemHit })); !slices.ContainsFunc(got, func(hit string) bool { return hit == "item "+text }) {
					t.Errorf("%q finds %q", q, got)
				}
			}
			if err := x.trashSpec(t.Context(), spec); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestSearch_NothingIsFound(t *testing.T) {
	t.Parallel()
	x := newSearchFixture(t)
	x.item(x.specification(x.project("One", ""), "Two", "three words here"), "plain text in an item")
	for _, q := range []string{
		"a%t", "pl_in", "pla.n", "p*", "text -plain", "-text", `"text plain"`, "", " ", `""`, "nul\x00", "\x00", "plain \x00", "\xff", "%", "_", "\\", "'", "[a-z]", "(plain|text)", "plain&text", "$1", "te\u0301xt",
	} {
		if got := found(x.search(q)); len(got) > 0 {
			t.Errorf("%q finds %q", q, got)
		}
	}
}

// No query is an error, also not for the parser of regular expressions.
func TestSearch_AgreesWithFoldedSubstrings(t *testing.T) {
	t.Parallel()
	x := newSearchFixture(t)
	spec := x.specification(x.live, "Texts", "of all kinds")
	letters := []rune(`aAbkKsSüÜßẞςΣσДд退ſ` + "\u212a" + ` %_\"'-*+?.()[]{}|^$:&!` + "\t\u00a0\u200d👩")
	random := rapid.StringOfN(rapid.RuneFrom(letters), 1, 20, -1)
	var texts []string
	for n := range 60 {
		text := random.Filter(func(s string) bool { return strings.TrimFunc(s, unicode.IsSpace) != "" }).Example(n)
		if _, faults := requirements.ParseNewItem(text, nil); faults == nil {
			x.item(spec, text)
			texts = append(texts, text)
		}
	}
	narrow := func(q *requirements.SearchQuery) { q.Kind, q.Limit = requirements.ItemHit, 100 }
	rapid.Check(t, func(t *rapid.T) {
		query := rapid.StringOfN(rapid.RuneFrom(letters), 1, 5, -1).Draw(t, "query")
		q := search.Parse(query)
		var want []string
		for _, text := range texts {
			if !q.Empty() && containsAll(text, q.Terms) && !containsAny(text, q.Without) {
				want = append(want, "item "+text)
			}
		}
		got := slices.DeleteFunc(found(x.search(query, narrow)), func(hit string) bool { return strings.Contains(hit, canary) })
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%q finds %q, want %q", query, got, want)
		}
	})
}

func containsAll(text string, terms []search.Term) bool {
	return !slices.ContainsFunc(terms, func(t search.Term) bool { return !containsAny(text, []search.Term{t}) })
}

func containsAny(text string, terms []search.Term) bool {
	var folded strings.Builder
	for _, c := range strings.Join(strings.FieldsFunc(text+"\u200b", unicode.IsSpace), " ") {
		folded.WriteRune(search.Fold(c))
	}
	return slices.ContainsFunc(terms, func(t search.Term) bool { return strings.Contains(folded.String(), t.Text) })
}

func TestSearch_BestHitsComeFirst(t *testing.T) {
	t.Parallel()
	x := newSearchFixture(t)
	p := x.project("Zoo", "about a zebra")
	x.project("Zebra crossing", "")
	inside := x.specification(p, "Myzebras", "x")
	x.specification(p, "A zebra", "x")
	s := x.specification(p, "Animals", "the zebra eats")
	x.specification(p, "Cars", "paint prezebra")
	x.item(inside, "item prezebra")
	x.item(s, "zebra, older")
	x.item(s, "(zebra) newer")
	x.item(s, "zebras begin with the last word of the query")
	want := []string{
		"specification A zebra", "project Zebra crossing", "specification Myzebras",
		"item zebras begin with the last word of the query", "item (zebra) newer", "item zebra, older", "item item prezebra",
		"specification Animals", "project Zoo", "specification Cars",
	}
	if diff := cmp.Diff(want, found(x.search("Zebra"))); diff != "" {
		t.Errorf("hits (-want +got):\n%s", diff)
	}
	x.item(s, "客户退款 older")
	x.item(s, "退款申请 newer")
	if diff := cmp.Diff([]string{"item 退款申请 newer", "item 客户退款 older"}, found(x.search("退款"))); diff != "" {
		t.Errorf("hits without spaces (-want +got):\n%s", diff)
	}
	whole := found(x.search("zebra the"))
	if diff := cmp.Diff([]string{"item zebras begin with the last word of the query", "specification Animals"}, whole); diff != "" {
		t.Errorf("hits of two words (-want +got):\n%s", diff)
	}
	for kind, n := range map[requirements.HitKind]int{requirements.ProjectHit: 2, requirements.SpecificationHit: 4, requirements.ItemHit: 4} {
		of := x.search("zebra", func(q *requirements.SearchQuery) { q.Kind = kind })
		if len(of) != n || slices.ContainsFunc(of, func(h requirements.Hit) bool { return h.Kind != kind }) {
			t.Errorf("of kind %s: %q", kind, found(of))
		}
	}
	if of := x.search("zebra", func(q *requirements.SearchQuery) { q.Project = p }); len(of) != len(want)-1 {
		t.Errorf("in one project: %q", found(of))
	}
	if of := x.search("zebra", func(q *requirements.SearchQuery) { q.Project = id.New[requirements.Project]() }); len(of) != 0 {
		t.Errorf("in a project that does not exist: %q", found(of))
	}
}

func TestSearch_FindsWhatIsLiveNow(t *testing.T) {
	t.Parallel()
	x := newSearchFixture(t)
	ctx := t.Context()
	p := x.project("Zebra", "")
	spec := x.specification(p, "Zebra", "zebra")
	item := x.item(spec, "zebra")
	expect := func(when string, want int) {
		t.Helper()
		if got := found(x.search("zebra")); len(got) != want {
			t.Errorf("%s: %q", when, got)
		}
	}
	expect("at once", 3)
	patch, _ := requirements.ParseItemPatch(new("a lion"), nil)
	if _, _, err := x.service.PatchItem(ctx, x.actor, item, requirements.Precondition{}, patch); err != nil {
		t.Fatal(err)
	}
	expect("after the item changed", 2)
	for _, step := range []struct {
		what string
		do   func() error
		want int
	}{
		{"the specification is in the trash", func() error { return x.trashSpec(ctx, spec) }, 1},
		{"it is restored", func() error { return x.restoreSpec(ctx, spec) }, 2},
		{"the project is in the trash", func() error { return x.trash(ctx, p) }, 0},
		{"the project is restored", func() error { return x.restore(ctx, p) }, 2},
		{"the item is deleted", func() error {
			_, err := x.service.DeleteItem(ctx, x.actor, item, requirements.Precondition{})
			return err
		}, 2},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		expect(step.what, step.want)
	}
	if got := found(x.search("lion")); len(got) != 0 {
		t.Errorf("the deleted item is found: %q", got)
	}
}

// A search that has no time reads no text, is no error, and says so.
func TestSearch_WithoutTimeIsIncomplete(t *testing.T) {
	t.Parallel()
	x := newSearchFixture(t)
	for seconds, complete := range map[float64]bool{0: false, 60: true} {
		tx, err := connect(t, x.Super).Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rows, err := db.New(tx).Search(t.Context(), db.SearchParams{
			OwnerID: x.actor.User, Words: []string{"%" + canary + "%"}, Exact: []string{}, Whole: []string{}, Without: []string{},
			MaxSeconds: seconds, AfterRank: -1, PageSize: 100, MaxBytes: page.MaxBytes,
		})
		if err != nil || (len(rows) > 0) != complete {
			t.Errorf("%v seconds: %d rows, %v", seconds, len(rows), err)
		}
		if all, err := db.New(tx).SearchedAll(t.Context(), seconds); err != nil || all != complete {
			t.Errorf("%v seconds: complete %t, %v", seconds, all, err)
		}
		if err := tx.Rollback(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}
}

// searches explains the searches. They read all texts of the user, and nothing else.
func (x *dataset) searches(t *testing.T) {
	t.Helper()
	for name, q := range searchQueries() {
		if q.Text.Empty() {
			continue
		}
		q.Text = search.Parse("x")
		var err error
		if q.After == nil {
			q.After = &page.Cursor{Number: -1}
		}
		sent := x.traffic.sent(func() { _, err = x.store.Search(t.Context(), x.actor, q) })
		if err != nil || len(sent) != 4 {
			t.Fatalf("search %s: %d statements, %v", name, len(sent), err)
		}
		for _, custom := range []bool{false, true} {
			plan := x.explain(sent[1].SQL, sent[1].Arguments, custom, "")
			wantIndexes(t, fmt.Sprintf("search %s, for the values %t", name, custom), sent[1].SQL, plan)
		}
	}
}
