package requirements

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// Rows as the releases before 0.9.0 wrote them: the Go struct without a format.
const (
	unversionedProject = `{"ID":"01a20519-0000-7000-8000-000000000001","Owner":"01a20519-0000-7000-8000-000000000002","Title":"x","Description":"\u003cd\u003e","SpecificationCount":0,"NextSpecificationNumber":1,"Version":1,"CreatedAt":"2026-11-22T17:00:00.123456Z","UpdatedAt":"2026-11-22T17:00:00.123456Z","DeletedAt":null}`

	unversionedSpecification = `{"ID":"01a20519-0000-7000-8000-000000000001","Project":"01a20519-0000-7000-8000-000000000003","Owner":"01a20519-0000-7000-8000-000000000002","Number":4,"Title":"x","Content":"# x","Items":null,"NextItemNumber":1,"Version":1,"CreatedAt":"2026-11-22T17:00:00.123456Z","UpdatedAt":"2026-11-22T17:00:00.123456Z","DeletedAt":null}`

	unversionedItem = `{"ID":"01a20519-0000-7000-8000-000000000001","Specification":"01a20519-0000-7000-8000-000000000003","Owner":"01a20519-0000-7000-8000-000000000002","Number":4,"Content":"x","Order":2,"Version":1,"CreatedAt":"2026-11-22T17:00:00.123456Z","UpdatedAt":"2026-11-22T17:00:00.123456Z"}`
)

var savedAt = time.Date(2026, 11, 22, 17, 0, 0, 123_456_000, time.UTC)

func idOf[T any](t *testing.T, last int) id.Of[T] {
	t.Helper()
	parsed, err := id.Parse[T](fmt.Sprintf("01a20519-0000-7000-8000-%012d", last))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// wantDecoded decodes a row of a release before 0.9.0, and the row that this
// release writes for the same resource.
func wantDecoded[T any](t *testing.T, unversioned string, want T) {
	t.Helper()
	now, err := encodeResponse(want)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"unversioned":          unversioned,
		"as written now":       now,
		"with an unknown name": strings.Replace(now, "{", `{"Invented":{"later":[1]},`, 1),
	} {
		var none T
		got, err := decodeResponse(text, none)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestIdempotency_SavedResponseSurvivesUpgrade(t *testing.T) {
	t.Parallel()
	wantDecoded(t, unversionedProject, Project{
		ID: idOf[Project](t, 1), Owner: idOf[auth.User](t, 2), Title: "x", Description: "<d>",
		NextSpecificationNumber: 1, Version: 1, CreatedAt: savedAt, UpdatedAt: savedAt,
	})
	wantDecoded(t, unversionedItem, Item{
		ID: idOf[Item](t, 1), Specification: idOf[Specification](t, 3), Owner: idOf[auth.User](t, 2), Number: 4,
		Content: "x", Order: 2, Version: 1, CreatedAt: savedAt, UpdatedAt: savedAt,
	})
	want := Specification{
		ID: idOf[Specification](t, 1), Project: idOf[Project](t, 3), Owner: idOf[auth.User](t, 2), Number: 4, Title: "x",
		Content: "# x", NextItemNumber: 1, Version: 1, CreatedAt: savedAt, UpdatedAt: savedAt,
	}
	got, err := decodeResponse(unversionedSpecification, Specification{})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("unversioned specification, %v (-want +got):\n%s", err, diff)
	}
	text, err := encodeResponse(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err = decodeResponse(text, Specification{}); err != nil || len(got.Items) != 0 {
		t.Errorf("specification %+v, %v", got, err)
	}
}

// A field that an older release did not save has its default.
func TestIdempotency_MissingFieldHasDefault(t *testing.T) {
	t.Parallel()
	older := strings.Replace(unversionedItem, `"Order":2,`, "", 1)
	for _, text := range []string{older, strings.Replace(older, "{", `{"Format":1,`, 1)} {
		got, err := decodeResponse(text, Item{Order: 7})
		if err != nil || got.Order != 7 || got.Content != "x" {
			t.Errorf("item %+v, %v", got, err)
		}
	}
}

func TestIdempotency_NewerFormatIsUnavailable(t *testing.T) {
	t.Parallel()
	_, err := decodeResponse(fmt.Sprintf(`{"Format":%d,"Name":"x"}`, responseFormat+1), Item{})
	f, ok := errors.AsType[*problem.Error](err)
	if !ok || f.Code != problem.Unavailable || f.RetryAfter <= 0 {
		t.Errorf("got %v", err)
	}
	if _, err := decodeResponse(`{"ID":`, Item{}); problem.CodeOf(err) != problem.Internal {
		t.Errorf("half a row: %v", err)
	}
}

// Names in rows are explicit, so that renaming a Go field keeps them, and this
// list keeps them from being changed. Add a name when you add a field.
func TestIdempotency_SavedNamesAreFrozen(t *testing.T) {
	t.Parallel()
	for resource, want := range map[any][]string{
		reflect.TypeFor[Project](): {
			"ID", "Owner", "OwnerName", "Role", "Title", "Description", "SpecificationCount", "NextSpecificationNumber", "Version", "Revision", "CreatedAt", "UpdatedAt", "DeletedAt",
		},
		reflect.TypeFor[Specification](): {
			"ID", "Project", "Owner", "Number", "Title", "Content", "Items", "NextItemNumber", "Version", "CreatedAt", "UpdatedAt", "DeletedAt", "-",
		},
		reflect.TypeFor[NewlyCreatedSpecification](): {"", "ItemContents,omitzero"},
		reflect.TypeFor[Item](): {
			"ID", "Specification", "Owner", "SpecificationNumber", "Number", "Content", "Order", "Version", "CreatedAt", "UpdatedAt",
		},
	} {
		var got []string
		for field := range resource.(reflect.Type).Fields() {
			got = append(got, field.Tag.Get("json"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("names of a saved %v (-want +got):\n%s", resource, diff)
		}
	}
}

// keyLog is a Tx that logs what happens to the key of a request.
type keyLog struct {
	Tx
	steps    []string
	response string
	reserve  error
}

func (l *keyLog) ReserveKey(context.Context, IdempotentRequest) error {
	l.steps = append(l.steps, "reserve")
	return l.reserve
}

func (l *keyLog) SaveResponse(_ context.Context, _ IdempotentRequest, response string, _ time.Time) error {
	l.steps, l.response = append(l.steps, "save"), response
	return nil
}

func TestIdempotency_OnlyRequestsWithKeyReserveAndSave(t *testing.T) {
	t.Parallel()
	want := Item{ID: id.New[Item](), Content: "x"}
	full := problem.New(problem.ItemLimit, "Full.")
	inUse := problem.New(problem.IdempotencyInProgress, "In use.")
	for name, tc := range map[string]struct {
		key      string
		reserve  error
		produced error
		steps    []string
		err      error
	}{
		"no key":             {steps: []string{"produce"}},
		"no key, a failure":  {produced: full, steps: []string{"produce"}, err: full},
		"a key":              {key: "k", steps: []string{"reserve", "produce", "save"}},
		"a key, a failure":   {key: "k", produced: full, steps: []string{"reserve", "produce"}, err: full},
		"a key that is used": {key: "k", reserve: inUse, steps: []string{"reserve"}, err: inUse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &keyLog{reserve: tc.reserve}
			got, err := createOnce[Item, Tx](t.Context(), log, IdempotentRequest{Key: tc.key}, func(Tx) (Item, time.Time, error) {
				log.steps = append(log.steps, "produce")
				return want, late, tc.produced
			})
			if !errors.Is(err, tc.err) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
			if diff := cmp.Diff(tc.steps, log.steps); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if err == nil && got != want {
				t.Errorf("created %+v", got)
			}
			if saved, err := decodeResponse(log.response, Item{}); log.response != "" && (err != nil || saved != want) {
				t.Errorf("saved %+v, %v", saved, err)
			}
		})
	}
}
