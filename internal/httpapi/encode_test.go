package httpapi

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/testkit/race"
)

// encodedPage returns a page of 20 specifications of half a kilobyte.
func encodedPage() []specification {
	at := time.Date(2026, time.November, 22, 17, 12, 10, 123_456_000, time.UTC)
	rows := make([]specification, 20)
	for n := range rows {
		rows[n] = specificationOf(requirements.Specification{
			ID: id.New[requirements.Specification](), Project: id.New[requirements.Project](), Owner: id.New[auth.User](), Number: n + 1,
			Title: "Refunds", Content: strings.Repeat("A customer gets the money back within a day. ", 11),
			Version: 3, CreatedAt: at, UpdatedAt: at,
		})
	}
	return rows
}

func BenchmarkEncode_Response(b *testing.B) {
	rows := encodedPage()
	for name, body := range map[string]any{"one": rows[0], "20": rows} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := jsonFormat.Marshal(io.Discard, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestEncode_IsDeterministic(t *testing.T) {
	t.Parallel()
	details := map[string]string{"from": "user", "to": "admin", "code": "x", "ip": "::1", "permission": "read users"}
	const want = `{"code":"x","from":"user","ip":"::1","permission":"read users","to":"admin"}`
	for range 50 {
		var got strings.Builder
		if err := jsonFormat.Marshal(&got, details); err != nil || strings.TrimSpace(got.String()) != want {
			t.Fatalf("%s, %v; want %s", got.String(), err, want)
		}
	}
}

// BenchmarkDecode_Request reads a body twice, as huma does.
func BenchmarkDecode_Request(b *testing.B) {
	text := []byte(`{"title":"Refunds","content":"` + strings.Repeat("A customer gets the money back within a day. ", 11) + `"}`)
	b.ReportAllocs()
	for b.Loop() {
		var value any
		var body specificationBody
		if err := jsonFormat.Unmarshal(text, &value); err != nil {
			b.Fatal(err)
		}
		if err := jsonFormat.Unmarshal(text, &body); err != nil {
			b.Fatal(err)
		}
	}
}

// Allocations depend neither on the machine nor on its load.
//
//nolint:paralleltest // the allocations of others would be counted
func TestEncode_PageAllocatesNothingPerRow(t *testing.T) {
	race.Skip(t)
	rows := encodedPage()
	write := func() {
		if err := jsonFormat.Marshal(io.Discard, rows); err != nil {
			t.Fatal(err)
		}
	}
	if got := testing.AllocsPerRun(100, write); got > 3 {
		t.Errorf("a page of %d rows takes %.0f allocations", len(rows), got)
	}
}
