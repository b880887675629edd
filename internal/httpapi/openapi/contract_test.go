package openapi

import (
	"encoding/json"
	"io"
	"reflect"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
)

type thing struct {
	ID        [16]byte `json:"-"`
	Title     string   `json:"title" example:"Refunds"`
	Status    string   `json:"status" enum:"open,done" absent:"open"`
	Count     int      `json:"count" minimum:"1" absent:"3"`
	Note      *string  `json:"note" nullable:"true"`
	Tags      []string `json:"tags"`
	More      []string `json:"more,omitempty"`
	Numbers   []int    `json:"numbers" sample:"[1,2]"`
	Version   int64    `json:"version" sample:"7"`
	CreatedAt string   `json:"created_at" sample:"morning"`
	UpdatedAt string   `json:"updated_at" sample:"evening"`
}

var contract = New(Config{Format: huma.Format{
	Marshal: func(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) },
}})

// A new field needs no edit here or in another table: its tags or its type give it a
// value.
func TestExamples_FieldsGetValuesFromTags(t *testing.T) {
	t.Parallel()
	want := thing{
		Title: "Refunds", Status: "open", Count: 1, Tags: []string{""}, Numbers: []int{1, 2}, Version: 7,
		CreatedAt: "morning", UpdatedAt: "evening",
	}
	got := contract.sample(reflect.TypeFor[thing](), "")
	if diff := cmp.Diff(want, got.Interface()); diff != "" {
		t.Errorf("sample (-want +got):\n%s", diff)
	}
	want.Version, want.UpdatedAt, want.Count = 1, "morning", 0
	asCreated(got)
	if diff := cmp.Diff(want, got.Interface()); diff != "" {
		t.Errorf("as created (-want +got):\n%s", diff)
	}
}

func TestContract_AbsentTagDocumentsTheDefault(t *testing.T) {
	t.Parallel()
	schema := huma.NewMapRegistry("#/", huma.DefaultSchemaNamer).Schema(reflect.TypeFor[thing](), false, "")
	contract.setDefaults(schema, reflect.TypeFor[thing]())
	if got := schema.Properties["status"].Default; got != "open" {
		t.Errorf("the default of status is %v", got)
	}
	if got := schema.Properties["count"].Default; got != 3.0 {
		t.Errorf("the default of count is %v", got)
	}
	if got := schema.Properties["title"].Default; got != nil {
		t.Errorf("the default of title is %v", got)
	}
}
