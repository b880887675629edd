package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// bullet is what a client reads of an item.
type bullet struct {
	ID        string `json:"id"`
	SpecID    string `json:"spec_id"`
	Number    int    `json:"number"`
	Content   string `json:"content"`
	Order     int    `json:"order"`
	Version   int    `json:"version"`
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
}

func (b bullet) path() string { return "/api/v1/items/" + b.ID }

func (b bullet) tag() string { return fmt.Sprintf(`"%d-%d"`, b.Version, b.Order) }

// bulletOf reads the item in a response.
func bulletOf(a *testkit.Response) (b bullet) {
	a.Decode(&b)
	return b
}

func (s spec) items() string { return s.path() + "/items" }

func newBullet(c *testkit.Client, s spec, content string) bullet {
	return bulletOf(c.Post(s.items(), map[string]any{"content": content}).Want(201))
}

// bulletList reads the items in a response.
func bulletList(a *testkit.Response) []bullet {
	var list struct{ Items []bullet }
	a.Decode(&list)
	return list.Items
}

func bulletsOf(c *testkit.Client, s spec) []bullet { return bulletList(c.Get(s.items()).Want(200)) }

// itemIDs are the ids in their order.
func itemIDs(list []bullet) []string {
	all := make([]string, len(list))
	for n, b := range list {
		all[n] = b.ID
	}
	return all
}

// itemTexts are the contents in their order.
func itemTexts(list []bullet) string {
	all := make([]string, len(list))
	for n, b := range list {
		all[n] = b.Content
	}
	return strings.Join(all, " ")
}

// checkDense checks that the orders of a list are 0…n-1, each of another item.
func checkDense(list []bullet) error {
	seen := map[string]bool{}
	for n, b := range list {
		if b.Order != n || seen[b.ID] {
			return fmt.Errorf("position %d of %d has item %s with order %d", n, len(list), b.ID, b.Order)
		}
		seen[b.ID] = true
	}
	return nil
}

func TestItems_Create(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpec(ann, "a")
	made := ann.Post(parent.items(), map[string]any{"content": " b\r\n"}).Want(201)
	got := bulletOf(made)
	want := bullet{
		ID: got.ID, SpecID: parent.ID, Number: 2, Content: " b\r\n", Order: 1,
		Version: 1, CreatedAt: got.CreatedAt, UpdatedAt: got.CreatedAt,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("item (-want +got):\n%s", diff)
	}
	if at := made.Header.Get("Location"); at != got.path() {
		t.Errorf("Location = %s, want %s", at, got.path())
	}
	read, head := ann.Get(got.path()).Want(200), ann.Do("HEAD", got.path(), nil).Want(200)
	if string(read.Body) != string(made.Body) {
		t.Errorf("read %s, created %s", read.Body, made.Body)
	}
	for what, a := range map[string]*testkit.Response{"POST": made, "GET": read, "HEAD": head} {
		if tag := a.Header.Get("ETag"); tag != `"1-1"` {
			t.Errorf("%s: ETag = %s", what, tag)
		}
	}
	list := ann.Get(parent.items()).Want(200)
	now := reloadSpec(ann, parent)
	if tag := list.Header.Get("ETag"); tag != now.tag() || now.ItemCount != 2 || now.UpdatedAt != got.CreatedAt {
		t.Errorf("the list has the tag %s, the specification is %+v", tag, now)
	}
	ann.Get(parent.items(), "If-None-Match", now.tag()).Want(304)
	if empty := string(ann.Get(newSpec(ann).items()).Want(200).Body); strings.TrimSpace(empty) != `{"items":[],"next_page_token":""}` {
		t.Errorf("no items are %s", empty)
	}
}

// Every case begins with the items a b c d, each at version 1. A rejected
// request leaves them unchanged. The fault "/order" stands for any code of
// that field.
func TestItems_OrderAfterEachWrite(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	const fault = "/order out_of_range"
	for name, tc := range map[string]struct {
		method, item, body string
		want               string
		fault              string
	}{
		"POST at 0":                       {"POST", "", `{"content": "x", "order": 0}`, "x a b c d", ""},
		"POST in the middle":              {"POST", "", `{"content": "x", "order": 2}`, "a b x c d", ""},
		"POST at the end":                 {"POST", "", `{"content": "x", "order": 4}`, "a b c d x", ""},
		"POST without a place":            {"POST", "", `{"content": "x"}`, "a b c d x", ""},
		"POST at minus zero":              {"POST", "", `{"content": "x", "order": -0}`, "x a b c d", ""},
		"POST behind the end":             {"POST", "", `{"content": "x", "order": 5}`, "", fault},
		"POST at -1":                      {"POST", "", `{"content": "x", "order": -1}`, "", fault},
		"POST at 2⁶³-1":                   {"POST", "", `{"content": "x", "order": 9223372036854775807}`, "", fault},
		"POST at 2⁶³":                     {"POST", "", `{"content": "x", "order": 9223372036854775808}`, "", "/order"},
		"POST at -2⁶³-1":                  {"POST", "", `{"content": "x", "order": -9223372036854775809}`, "", "/order"},
		"POST at 2⁶⁴":                     {"POST", "", `{"content": "x", "order": 18446744073709551616}`, "", "/order"},
		"POST at a thousand":              {"POST", "", `{"content": "x", "order": 1e3}`, "", "/order"},
		"POST at a number of 400 digits":  {"POST", "", `{"content": "x", "order": 1` + strings.Repeat("0", 400) + `}`, "", "/order"},
		"POST at 1.5":                     {"POST", "", `{"content": "x", "order": 1.5}`, "", "/order wrong_type"},
		"POST at a string":                {"POST", "", `{"content": "x", "order": "1"}`, "", "/order wrong_type"},
		"POST at true":                    {"POST", "", `{"content": "x", "order": true}`, "", "/order wrong_type"},
		"POST at a list":                  {"POST", "", `{"content": "x", "order": [1]}`, "", "/order wrong_type"},
		"POST at null, which is the end":  {"POST", "", `{"content": "x", "order": null}`, "a b c d x", ""},
		"POST at 1.0":                     {"POST", "", `{"content": "x", "order": 1.0}`, "a x b c d", ""},
		"POST at 10e-1":                   {"POST", "", `{"content": "x", "order": 10e-1}`, "a x b c d", ""},
		"POST of nothing, at -1":          {"POST", "", `{"content": "", "order": -1, "z": 1}`, "", "/content blank, /order out_of_range, /z unknown_field"},
		"PATCH to the front":              {"PATCH", "c", `{"order": 0}`, "c a b d", ""},
		"PATCH to the end":                {"PATCH", "b", `{"order": 3}`, "a c d b", ""},
		"PATCH one up":                    {"PATCH", "c", `{"order": 1}`, "a c b d", ""},
		"PATCH one down":                  {"PATCH", "b", `{"order": 2}`, "a c b d", ""},
		"PATCH of place and content":      {"PATCH", "d", `{"order": 0, "content": "D"}`, "D a b c", ""},
		"PATCH to its place":              {"PATCH", "b", `{"order": 1}`, "a b c d", ""},
		"PATCH behind the end":            {"PATCH", "b", `{"order": 4, "content": "B"}`, "", fault},
		"PATCH to -1":                     {"PATCH", "b", `{"order": -1}`, "", fault},
		"PATCH to 2⁶³":                    {"PATCH", "b", `{"order": 9223372036854775808}`, "", "/order"},
		"PATCH to a thousand":             {"PATCH", "b", `{"order": 1e3}`, "", "/order"},
		"PATCH to 1.5":                    {"PATCH", "b", `{"order": 1.5}`, "", "/order wrong_type"},
		"PATCH to null":                   {"PATCH", "b", `{"order": null}`, "", "/order wrong_type"},
		"PUT with a place":                {"PUT", "a", `{"content": "A", "order": 2}`, "b c A d", ""},
		"PUT without a place":             {"PUT", "c", `{"content": "C"}`, "a b C d", ""},
		"PUT of the same, elsewhere":      {"PUT", "c", `{"content": "c", "order": 0}`, "c a b d", ""},
		"PUT behind the end":              {"PUT", "a", `{"content": "A", "order": 4}`, "", fault},
		"DELETE of the first":             {"DELETE", "a", ``, "b c d", ""},
		"DELETE of one within":            {"DELETE", "b", ``, "a c d", ""},
		"DELETE of the last":              {"DELETE", "d", ``, "a b c", ""},
		"position instead of order":       {"PATCH", "b", `{"position": 0}`, "", "/position unknown_field"},
		"an invalid content":              {"PATCH", "b", `{"order": 0, "content": "\u0000"}`, "", "/content control_character"},
		"both invalid":                    {"PATCH", "b", `{"order": "0", "content": " "}`, "", "/content blank, /order wrong_type"},
		"PUT without a content":           {"PUT", "b", `{"order": 0}`, "", "/content required"},
		"PUT in another case":             {"PUT", "b", `{"Content": "x"}`, "", "/Content unknown_field, /content required"},
		"POST in another case, no more":   {"POST", "", `{"Content": "x"}`, "", "/Content unknown_field, /content required"},
		"POST in another case":            {"POST", "", `{"content": "x", "Order": 0}`, "", "/Order unknown_field"},
		"PATCH in another case":           {"PATCH", "b", `{"CONTENT": "x"}`, "", "/CONTENT unknown_field"},
		"PATCH of the content to null":    {"PATCH", "b", `{"content": null}`, "", "/content wrong_type"},
		"PATCH of what the server counts": {"PATCH", "b", `{"number": 1, "version": 9, "spec_id": "x"}`, "", "/number unknown_field, /spec_id unknown_field, /version unknown_field"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := ann.WithT(t)
			parent := newSpec(ann, "a", "b", "c", "d")
			before := bulletsOf(ann, parent)
			path := parent.items()
			if tc.item != "" {
				path = before[strings.Index("abcd", tc.item)].path()
			}
			var body any
			if tc.body != "" {
				body = tc.body
			}
			answer := ann.Do(tc.method, path, body)
			list := bulletsOf(ann, parent)
			if err := checkDense(list); err != nil {
				t.Error(err)
			}
			if tc.fault != "" {
				tc.want = "a b c d"
				if diff := cmp.Diff(before, list); diff != "" {
					t.Errorf("rejected, but the items (-before +after):\n%s", diff)
				}
				got := answer.WantProblem(422, "validation_failed").FieldErrors()
				slices.Sort(got)
				if joined := strings.Join(got, ", "); joined != tc.fault && (tc.fault != "/order" || !strings.HasPrefix(joined, "/order ")) {
					t.Errorf("field errors %s, want %s", joined, tc.fault)
				}
			}
			if got := itemTexts(list); got != tc.want {
				t.Errorf("the items are %s, want %s", got, tc.want)
			}
			raised := 1
			if tc.fault != "" || tc.want == "a b c d" {
				raised = 0
			}
			if now := reloadSpec(ann, parent); now.Version != parent.Version+raised || (now.UpdatedAt > parent.UpdatedAt) != (raised == 1) || now.ItemCount != len(list) {
				t.Errorf("the specification is %+v, was %+v", now, parent)
			}
			wantOthersUntouched(t, before, list, answer)
		})
	}
}

// wantOthersUntouched compares items before and after a change. Except for
// their orders only the item in the response differs, by one version.
func wantOthersUntouched(t *testing.T, before, after []bullet, answer *testkit.Response) {
	t.Helper()
	var changed bullet
	if answer.Status/100 == 2 && len(answer.Body) > 0 {
		if changed = bulletOf(answer); changed.tag() != answer.Header.Get("ETag") {
			t.Errorf("the tag is %s, want %s", answer.Header.Get("ETag"), changed.tag())
		}
	}
	for _, now := range after {
		k := slices.IndexFunc(before, func(b bullet) bool { return b.ID == now.ID })
		if now.ID == changed.ID {
			if now != changed {
				t.Errorf("responded %+v, listed %+v", changed, now)
			}
			if k >= 0 && now != before[k] && (now.Version != 2 || now.UpdatedAt <= before[k].UpdatedAt) {
				t.Errorf("changed to %+v from %+v", now, before[k])
			}
			continue
		}
		was := before[k]
		if was.Order = now.Order; was != now {
			t.Errorf("another item changed to %+v from %+v", now, was)
		}
	}
}

func TestItems_OrderIsNeverIgnored(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for _, one := range []string{"1.0", "1e0", "10e-1", "0.1E1"} {
		parent := newSpec(ann, "a", "b", "c")
		answer := ann.Post(parent.items(), `{"content": "x", "order": `+one+`}`)
		if answer.Status == 201 && bulletOf(answer).Order == 1 {
			continue // these are spellings of one number
		}
		if got := answer.WantProblem(422, "validation_failed").Errors; len(got) != 1 || got[0].Pointer != "/order" {
			t.Errorf("at %s: %+v", one, got)
		}
	}
}

func TestItems_NumbersAreNeverReused(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpec(ann, "a", "b", "c")
	for n := range 5 {
		last := newBullet(ann, parent, "x")
		if last.Number != 4+n {
			t.Errorf("the item has number %d, want %d", last.Number, 4+n)
		}
		ann.Delete(last.path()).Want(204)
		ann.Get(last.path()).WantProblem(404, "item_not_found")
		ann.Delete(last.path()).WantProblem(404, "item_not_found")
		ann.Post(parent.items(), map[string]any{"content": "x", "order": 9}).Want(422) // uses no number
	}
}

func TestItems_LimitIsExact(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t, func(s *server.Settings) { s.MaxItems = 100 }).SignUp(t)
	parent := newSpec(ann)
	for range 100 {
		newBullet(ann, parent, "x")
	}
	full := reloadSpec(ann, parent)
	for _, order := range []int{0, 100, 101} {
		ann.Post(parent.items(), map[string]any{"content": "x", "order": order}).WantProblem(409, "item_limit_reached")
	}
	if diff := cmp.Diff(full, reloadSpec(ann, parent)); diff != "" {
		t.Errorf("after rejections (-before +after):\n%s", diff)
	}
	list := bulletsOf(ann, parent)
	if err := checkDense(list); err != nil || len(list) != 100 {
		t.Errorf("%d items: %v", len(list), err)
	}
	ann.Delete(list[50].path()).Want(204)
	if made := newBullet(ann, parent, "x"); made.Number != 101 || made.Order != 99 {
		t.Errorf("made %+v", made)
	}
	ann.Post(parent.items(), map[string]any{"content": "x"}).WantProblem(409, "item_limit_reached")
}

func TestETag_Items(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpec(ann, "a", "b")
	b := bulletsOf(ann, parent)[1]
	ann.Get(b.path(), "If-None-Match", b.tag()).Want(304)
	ann.Post(parent.items(), map[string]any{"content": "x", "order": 0}).Want(201)
	if moved := bulletOf(ann.Get(b.path(), "If-None-Match", b.tag()).Want(200)); moved.Version != 1 || moved.Order != 2 || moved.tag() != `"1-2"` {
		t.Errorf("another item before it makes it %+v", moved)
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		var body any
		if method != "DELETE" {
			body = map[string]any{"content": "new"}
		}
		for _, tag := range []string{`"2-2"`, `"2"`, `W/"2-2"`, `"1-2-0"`, `"x"`, `"0", "2-2"`} {
			current := ann.Do(method, b.path(), body, "If-Match", tag).WantProblem(412, "precondition_failed").Current
			if current["id"] != b.ID || current["content"] != "b" || current["order"] != 2.0 || current["version"] != 1.0 || current["spec_id"] != parent.ID {
				t.Errorf("%s with %s: the resource as it is now: %v", method, tag, current)
			}
		}
	}
	if got := itemTexts(bulletsOf(ann, parent)); got != "x a b" {
		t.Errorf("after rejections: %s", got)
	}
	ann.Patch(b.path(), map[string]any{"content": "B"}, "If-Match", `"1-2"`).Want(200)
	ann.Put(b.path(), map[string]any{"content": "C"}, "If-Match", `"7", "2"`).Want(200)
	ann.Delete(b.path(), "If-Match", "*").Want(204)
	ann.Delete(b.path(), "If-Match", "*").WantProblem(404, "item_not_found")
}
