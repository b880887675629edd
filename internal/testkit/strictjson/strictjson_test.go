package strictjson_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit/strictjson"
)

func TestStrictJSON_ReadsValidText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		" null\r\n":                      nil,
		"true":                           true,
		"\tfalse":                        false,
		"-0":                             strictjson.Number("-0"),
		"12.50e+07":                      strictjson.Number("12.50e+07"),
		`""`:                             "",
		`"\"\\\/\b\f\n\r\t"`:             "\"\\/\b\f\n\r\t",
		`"\u00e4ä\uD835\udc9c\ufffd"`:    "ää𝒜\ufffd",
		"\"\x7f\u2028\"":                 "\x7f\u2028",
		"[ ]":                            []any{},
		"{ }":                            map[string]any{},
		`[1 , [ null]]`:                  []any{strictjson.Number("1"), []any{nil}},
		` { "a" : { "" : [ ] } , "A":1}`: map[string]any{"a": map[string]any{"": []any{}}, "A": strictjson.Number("1")},
	} {
		got, ok := strictjson.Read([]byte(text), 3)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%q is accepted: %t (-want +got):\n%s", text, ok, diff)
		}
	}
}

func TestStrictJSON_RejectsInvalidText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "nul", "nulll", "True", "NaN", "+1", "01", "-", "-01", "1.", ".5", "1e", "1e+", "0x1", "1 2", "1,", "\ufeff1", "1\x00",
		`"`, `"\"`, `"\x41"`, `"\u00"`, `"\u00g0"`, `"\u+123"`, "\"\n\"", "\"\x00\"", "'x'",
		`"\ud835"`, `"\udc9c"`, `"\ud835x"`, `"\ud835\n"`, `"\ud835\ud835"`, `"\udc9c\ud835"`,
		"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "1\xff",
		"[", "]", "[1", "[1,]", "[,1]", "[1 2]", "{", "}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{,"a":1}`, `{a:1}`, `{"a":1 "b":2}`, `{1:2}`,
		`{"a":1,"a":1}`, `{"a":1,"\u0061":1}`, `{"":1,"":1}`, `[{"a":1,"a":1}]`, "1//", "[[[[]]]]", `{"a":{"a":{"a":{}}}}`,
	} {
		if got, ok := strictjson.Read([]byte(text), 3); ok {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	if _, ok := strictjson.Read([]byte(strings.Repeat("[", 1<<20)), 16); ok {
		t.Error("a million levels are accepted")
	}
}
