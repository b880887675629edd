package main

import "testing"

func TestVerify_MasksOnlyVolatileFields(t *testing.T) {
	t.Parallel()
	const one = `{"id":"0193f3a0-1111-7222-8333-444455556666","number":10,"content":"Revision 3 & Point 4","order":0,"version":2,"created_at":"2026-11-22T17:12:10.123456Z"}`
	for name, tc := range map[string]struct {
		other string
		same  bool
	}{
		"another id, number, version and time": {`{"id":"0193f3a0-9999-7222-8333-444455556666","number":11,"content":"Revision 5 & Point 1","order":0,"version":7,"created_at":"2027-01-02T03:04:05.000000Z"}`, true},
		"another place":                        {`{"id":"0193f3a0-1111-7222-8333-444455556666","number":10,"content":"Revision 3 & Point 4","order":1,"version":2,"created_at":"2026-11-22T17:12:10.123456Z"}`, false},
		"another content":                      {`{"id":"0193f3a0-1111-7222-8333-444455556666","number":10,"content":"Revision 3 and Point 4","order":0,"version":2,"created_at":"2026-11-22T17:12:10.123456Z"}`, false},
		"an id that is not of version 7":       {`{"id":"0193f3a0-1111-4222-8333-444455556666","number":10,"content":"Revision 3 & Point 4","order":0,"version":2,"created_at":"2026-11-22T17:12:10.123456Z"}`, false},
		"a time without its fraction":          {`{"id":"0193f3a0-1111-7222-8333-444455556666","number":10,"content":"Revision 3 & Point 4","order":0,"version":2,"created_at":"2026-11-22T17:12:10Z"}`, false},
	} {
		if got := string(maskVolatile([]byte(one))) == string(maskVolatile([]byte(tc.other))); got != tc.same {
			t.Errorf("%s: equal: %t", name, got)
		}
	}
	if !sameJSON([]byte(`{"a":1,"b":"\u003c"}`), []byte(`{ "b": "<", "a": 1 }`)) || sameJSON([]byte(`{"a":1}`), []byte(`{"a":2}`)) {
		t.Error("JSON is compared by its spelling")
	}
}

func TestVerify_ComparesTheContentsOfTwoAPIs(t *testing.T) {
	t.Parallel()
	const ours = `{"id":"s","number":1,"title":"T","content":"C","version":2,"items":[{"id":"a","number":1,"content":"A"},{"id":"b","number":2,"content":"B"}]}`
	for name, tc := range map[string]struct {
		theirs string
		same   bool
	}{
		"the same":             {`{"content":"C","expand":{"items":[{"content":"A","id":"a","number":1},{"content":"B","id":"b","number":2}]},"id":"s","items":["a","b"],"number":1,"title":"T"}`, true},
		"another order":        {`{"content":"C","expand":{"items":[{"content":"B","id":"b","number":2},{"content":"A","id":"a","number":1}]},"id":"s","items":["b","a"],"number":1,"title":"T"}`, false},
		"without the items":    {`{"content":"C","id":"s","items":["a","b"],"number":1,"title":"T"}`, false},
		"another content":      {`{"content":"D","expand":{"items":[{"content":"A","id":"a","number":1},{"content":"B","id":"b","number":2}]},"id":"s","number":1,"title":"T"}`, false},
		"a problem, no object": {`{"status":400}`, false},
	} {
		if got := sameContents([]byte(ours), []byte(tc.theirs)); got != tc.same {
			t.Errorf("%s: equal: %t", name, got)
		}
	}
	if sameContents([]byte(`{}`), []byte(`{}`)) {
		t.Error("two responses without contents are equal")
	}
}
