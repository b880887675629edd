package id_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/id"
)

type (
	thing   struct{}
	thingID = id.Of[thing]
)

// anyID draws 16 bytes.
var anyID = rapid.Custom(func(t *rapid.T) thingID {
	return thingID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
})

func TestID_ParseReadsString(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := anyID.Draw(t, "id")
		text := want.String()
		got, err := id.Parse[thing](text)
		if err != nil || got != want {
			t.Fatalf("Parse(%s) = %v, %v", text, got, err)
		}
		written, err := want.MarshalText()
		if err != nil || string(written) != text {
			t.Fatalf("MarshalText = %s, %v; String = %s", written, err, text)
		}
		if appended, err := want.AppendText([]byte("id ")); err != nil || string(appended) != "id "+text {
			t.Fatalf("AppendText = %s, %v", appended, err)
		}
		asJSON, err := json.Marshal(map[string]any{"id": want})
		if err != nil || string(asJSON) != `{"id":"`+text+`"}` {
			t.Fatalf("JSON = %s, %v", asJSON, err)
		}
	})
}

const canonical = "01a20519-0000-7000-8000-abcdefabcdef"

func TestID_UpperCaseIsReadAndLowerCaseWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{canonical, strings.ToUpper(canonical), strings.Replace(canonical, "a", "A", 1)} {
		if got, err := id.Parse[thing](text); err != nil || got.String() != canonical {
			t.Errorf("Parse(%s) = %s, %v", text, got, err)
		}
		var got thingID
		if err := got.UnmarshalText([]byte(text)); err != nil || got.String() != canonical {
			t.Errorf("UnmarshalText(%s) = %s, %v", text, got, err)
		}
	}
}

func TestID_OtherSpellingsAreRejected(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing": "", "braces": "{" + canonical + "}", "a URN": "urn:uuid:" + canonical, "a URN in capitals": "URN:UUID:" + canonical,
		"no hyphens": strings.ReplaceAll(canonical, "-", ""), "a blank before": " " + canonical, "a line feed after": canonical + "\n",
		"NUL after": canonical + "\x00", "one digit less": canonical[1:], "one digit more": canonical + "0", "hyphens elsewhere": "01a2-0519-0000-7000-8000-abcdefabcdef",
		"a letter beyond f": canonical[:35] + "g", "other digits": strings.Replace(canonical, "1", "١", 1), "a hyphen beyond ASCII": strings.Replace(canonical, "-", "‐", 1),
		"quotes": `"` + canonical + `"`, "36 hyphens": strings.Repeat("-", 36), "36 NULs": strings.Repeat("\x00", 36),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := id.Parse[thing](text); !errors.Is(err, id.ErrNotUUID) || !got.IsZero() {
				t.Errorf("Parse(%q) = %v, %v", text, got, err)
			}
			got := id.New[thing]()
			before := got
			if err := got.UnmarshalText([]byte(text)); err == nil || got != before {
				t.Errorf("UnmarshalText(%q) made %v of %v", text, got, before)
			}
		})
	}
}

func FuzzID_Parse(f *testing.F) {
	for _, seed := range []string{"", "01a20519-0000-7000-8000-abcdefabcdef", "01A20519-0000-7000-8000-abcdefabcdef", "{01a20519-0000-7000-8000-abcdefabcdef}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := id.Parse[thing](text); err == nil && got.String() != strings.ToLower(text) {
			t.Fatalf("%q is read as %s", text, got)
		}
	})
}

func TestID_NewIsUniqueAndOrdered(t *testing.T) {
	t.Parallel()
	ids := make([]string, 10_000)
	for i := range ids {
		ids[i] = id.New[thing]().String()
	}
	if !slices.IsSorted(ids) {
		t.Error("ids made later do not sort later")
	}
	if got := len(slices.Compact(ids)); got != len(ids) {
		t.Errorf("of %d ids %d are different", len(ids), got)
	}
	if made := uuid.MustParse(ids[0]); made.Version() != 7 || made.Variant() != uuid.RFC4122 {
		t.Errorf("%s has version %s and variant %s", made, made.Version(), made.Variant())
	}
}

func TestID_RoundTripsThroughPostgreSQL(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := anyID.Draw(t, "id")
		value, err := want.UUIDValue()
		if err != nil || value.Valid == want.IsZero() {
			t.Fatalf("UUIDValue(%s) = %v, %v", want, value, err)
		}
		if want.IsZero() {
			return
		}
		var got thingID
		if err := got.ScanUUID(value); err != nil || got != want {
			t.Fatalf("%s came back as %s, %v", want, got, err)
		}
	})
}

func TestID_ZeroIsNotAnID(t *testing.T) {
	t.Parallel()
	var nothing thingID
	if value, err := nothing.UUIDValue(); err != nil || value.Valid {
		t.Errorf("the zero id becomes %v, %v", value, err)
	}
	if err := nothing.ScanUUID(pgtype.UUID{}); err == nil {
		t.Error("NULL is read as an id")
	}
	if !nothing.IsZero() || id.New[thing]().IsZero() {
		t.Error("IsZero is wrong")
	}
}
