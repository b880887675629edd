package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// unpacked is the body of a compressed response.
func unpacked(t *testing.T, a *testkit.Response) []byte {
	t.Helper()
	if coding := a.Header.Get("Content-Encoding"); coding != "gzip" {
		t.Fatalf("Content-Encoding = %q", coding)
	}
	r, err := gzip.NewReader(bytes.NewReader(a.Body))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestCompress_LargeResponses(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	h := newSpecProject(ann)
	large := ann.Post(h.specs(), map[string]any{"content": "# Large\n" + strings.Repeat("a word, ", 2000)}).Want(201)
	var s spec
	large.Decode(&s)
	for name, path := range map[string]string{
		"a resource": s.path(), "a list": h.specs(), "the contract": "/api/v1/openapi.json", "an export": "/api/v1/users/me/export",
	} {
		plain, packed := ann.Get(path).Want(200), ann.Get(path, "Accept-Encoding", "br, GZIP;q=0.5").Want(200)
		body := unpacked(t, packed)
		if name == "an export" { // it says when it was made
			body, plain.Body = body[50:], plain.Body[50:]
		}
		if !bytes.Equal(body, plain.Body) || 5*len(packed.Body) > len(plain.Body) {
			t.Errorf("%s: %d bytes, %d compressed; they are equal: %t", name, len(plain.Body), len(packed.Body), bytes.Equal(body, plain.Body))
		}
		for _, a := range []*testkit.Response{plain, packed} {
			if !slices.Contains(a.Header.Values("Vary"), "Accept-Encoding") {
				t.Errorf("%s varies by %v", name, a.Header.Values("Vary"))
			}
		}
		head := ann.Do("HEAD", path, nil, "Accept-Encoding", "gzip").Want(200)
		if name != "an export" && (head.Header.Get("Content-Encoding") != "gzip" || head.Header.Get("ETag") != packed.Header.Get("ETag")) {
			t.Errorf("%s: HEAD has the headers %v", name, head.Header)
		}
	}
	for _, accepted := range []string{"", "identity", "br", "gzip;q=0", "gzip; q=0.000", "gzip;q=x"} {
		if a := ann.Get(s.path(), "Accept-Encoding", accepted).Want(200); a.Header.Get("Content-Encoding") != "" {
			t.Errorf("Accept-Encoding %q gets a compressed response", accepted)
		}
	}
}

// A compressed response has another strong tag, which counts as the uncompressed one's.
func TestCompress_TagsOfCompressedResponsesCount(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	h := newSpecProject(ann)
	var s spec
	ann.Post(h.specs(), map[string]any{"content": strings.Repeat("a word, ", 2000)}).Want(201).Decode(&s)
	tag := ann.Get(s.path(), "Accept-Encoding", "gzip").Want(200).Header.Get("ETag")
	if tag != `"1-gzip"` {
		t.Fatalf("ETag = %s", tag)
	}
	for _, coding := range []string{"gzip", "identity"} {
		same := ann.Get(s.path(), "If-None-Match", tag, "Accept-Encoding", coding).Want(304)
		if same.Header.Get("ETag") != tag || len(same.Body) > 0 || same.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: a 304 has the headers %v", coding, same.Header)
		}
	}
	changed := ann.Patch(s.path(), map[string]any{"title": "New"}, "If-Match", tag, "Accept-Encoding", "gzip").Want(200)
	if got := changed.Header.Get("ETag"); got != `"2-gzip"` {
		t.Errorf("the change has the tag %s", got)
	}
	stale := ann.Patch(s.path(), map[string]any{"title": "Newer"}, "If-Match", tag, "Accept-Encoding", "gzip").Want(412)
	if !bytes.Contains(unpacked(t, stale), []byte("precondition_failed")) {
		t.Error("the 412 is another problem")
	}
}

func TestCompress_SmallResponsesAndSecretsAreNot(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	small := ann.Get("/api/v1/users/me", "Accept-Encoding", "gzip").Want(200)
	for name, a := range map[string]*testkit.Response{
		"a small response": small,
		// Tokens beside text of the caller's choice: the size would tell about the tokens.
		"a sign-in": s.Anonymous(t).Post("/api/v1/auth/login",
			map[string]any{"id_token": idToken(t, s, issuer.Claims{Picture: "https://www.example.com/" + strings.Repeat("a", 1800)})},
			"Accept-Encoding", "gzip").Want(200),
		"health": s.Anonymous(t).Get("/health", "Accept-Encoding", "gzip").Want(200),
	} {
		if a.Header.Get("Content-Encoding") != "" || slices.Contains(a.Header.Values("Vary"), "Accept-Encoding") {
			t.Errorf("%s has the headers %v", name, a.Header)
		}
	}
	packed := ann.Get("/docs", "Accept-Encoding", "gzip").Want(200) // compressed by the page itself
	if page := unpacked(t, packed); !bytes.Contains(page, []byte("<html")) {
		t.Errorf("/docs is %.80q", page)
	}
}
