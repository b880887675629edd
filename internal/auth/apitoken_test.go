package auth_test

import (
	"math/big"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

const base62Digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func newToken(t testing.TB) (user auth.UserID, text string, c auth.TokenCredential) {
	t.Helper()
	user = id.New[auth.User]()
	text, c, err := auth.NewAPITokenText(user)
	if err != nil {
		t.Fatal(err)
	}
	return user, text, c
}

func TestAPIToken_NamesItsUserAndHashesItsSecret(t *testing.T) {
	t.Parallel()
	hashes := map[[32]byte]bool{}
	for range 1000 {
		user, text, c := newToken(t)
		got, err := auth.ParseAPIToken(text)
		if err != nil || got != (auth.Actor{User: user, Token: c}) {
			t.Fatalf("%s: %+v and %v, want %s and %+v", text, got, err, user, c)
		}
		if hashes[c.Hash] || c.Hash == c.Key || strings.Contains(text, c.ID.String()) {
			t.Errorf("%s has the hash %x and the key %x", text, c.Hash, c.Key)
		}
		hashes[c.Hash] = true
	}
}

// The service has no store, so a query would panic.
func TestAPIToken_TypingErrorIsFoundWithoutAQuery(t *testing.T) {
	t.Parallel()
	service := auth.NewService(nil, nil, nil, nil, nil, auth.SessionPolicy{}, nil)
	_, text, _ := newToken(t)
	if _, err := service.Authenticate("Bearer " + text); err != nil {
		t.Fatalf("the token itself: %v", err)
	}
	wrong := []string{"cga_", text[:len(text)-1], text + "0", text + text[4:], "cga_" + strings.Repeat("0", 82), "cga_" + strings.Repeat("Z", 82), text[:40] + " " + text[41:], text[:40] + "-" + text[41:]}
	for n := len("cga_"); n < len(text); n++ {
		for _, c := range base62Digits {
			if mistyped := text[:n] + string(c) + text[n+1:]; mistyped != text {
				wrong = append(wrong, mistyped)
			}
		}
		if n+1 < len(text) && text[n] != text[n+1] {
			wrong = append(wrong, text[:n]+text[n+1:n+2]+text[n:n+1]+text[n+2:])
		}
	}
	for _, token := range wrong {
		if got, err := service.Authenticate("Bearer " + token); problem.CodeOf(err) != problem.TokenInvalid || got != (auth.Actor{}) {
			t.Errorf("%s: %+v and %v", token, got, err)
		}
	}
}

// A number that is too large would have a second spelling of the same bytes.
func TestAPIToken_HasOneSpelling(t *testing.T) {
	t.Parallel()
	user, text, c := newToken(t)
	number, _ := new(big.Int).SetString(text[4:80], 62)
	number.Add(number, new(big.Int).Lsh(big.NewInt(1), 448))
	body := "cga_" + number.Text(62)
	if len(body) != 80 {
		t.Fatalf("the number has %d digits", len(body)-4)
	}
	if got, err := auth.ParseAPIToken(body + auth.TokenChecksum(body)); problem.CodeOf(err) != problem.TokenInvalid {
		t.Errorf("another spelling of %s and %s: %+v and %v", user, c.ID, got, err)
	}
}

// The width depends on the number of bytes alone, and a wrong letter is found.
func TestSecretText_HasOneWidthAndAChecksum(t *testing.T) {
	t.Parallel()
	for bytes, digits := range map[int]int{24: 33, 56: 76} {
		largest, least := make([]byte, bytes), make([]byte, bytes)
		for n := range largest {
			largest[n] = 0xff
		}
		least[bytes-1] = 61
		for _, raw := range [][]byte{largest, least} {
			text := auth.SecretText("cgx_", raw)
			body := text[:len(text)-6]
			if len(body) != len("cgx_")+digits || auth.TokenChecksum(body) != text[len(body):] {
				t.Errorf("%d bytes are %s", bytes, text)
			}
		}
		if text := auth.SecretText("cgx_", least); !strings.HasPrefix(text, "cgx_"+strings.Repeat("0", digits-1)+"Z") {
			t.Errorf("61 is %s", text)
		}
	}
}

// docs/security.md has the pattern for scanners of secrets.
func TestAPIToken_DocumentedPatternMatchesTokensOnly(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?m)^regex = '''(.+)'''$").FindSubmatch(page)
	if found == nil {
		t.Fatal("docs/security.md has no rule with a regex")
	}
	pattern := regexp.MustCompile(string(found[1]))
	for range 1000 {
		_, text, _ := newToken(t)
		for _, around := range []string{text, "TOKEN=" + text, `"` + text + `"`, "Bearer " + text + "\n"} {
			if got := pattern.FindString(around); !strings.Contains(got, text) {
				t.Fatalf("the pattern finds %q in %q", got, around)
			}
		}
		for _, other := range []string{text[:len(text)-1], text[1:], strings.ToUpper(text), "cgr_" + text[4:], text + "0", text[:30] + "_" + text[31:]} {
			if got := pattern.FindString(other); got != "" {
				t.Fatalf("the pattern finds %q in %q", got, other)
			}
		}
	}
}

func TestParseNewToken_FindsEveryFault(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		name   string
		scopes []auth.Scope
		ofBot  bool
		want   []string
	}{
		"fine":        {" claude ", []auth.Scope{"read", "write", "generate", "manage"}, false, nil},
		"of a bot":    {"x", []auth.Scope{"write"}, true, nil},
		"no name":     {" ", []auth.Scope{"read"}, false, []string{"/name blank"}},
		"a long name": {strings.Repeat("x", 101), []auth.Scope{"read"}, false, []string{"/name too_long"}},
		"two lines":   {"a\nb", []auth.Scope{"read"}, false, []string{"/name control_character"}},
		"no scope":    {"x", nil, false, []string{"/scopes too_short"}},
		"twice":       {"x", []auth.Scope{"read", "write", "read"}, false, []string{"/scopes/2 repeated"}},
		"for no bot":  {"x", []auth.Scope{"write", "manage"}, true, []string{"/scopes/1 not_allowed"}},
		"all at once": {"", []auth.Scope{"manage", "manage"}, true, []string{"/name blank", "/scopes/0 not_allowed", "/scopes/1 repeated"}},
	} {
		_, faults := auth.ParseNewToken(tc.name, tc.scopes, nil, tc.ofBot)
		var got []string
		for _, f := range faults {
			got = append(got, f.Pointer+" "+f.Code)
		}
		if strings.Join(got, ", ") != strings.Join(tc.want, ", ") {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func FuzzAPIToken_Parse(f *testing.F) {
	_, text, _ := newToken(f)
	f.Add(text)
	f.Add(text[:len(text)-1])
	f.Fuzz(func(t *testing.T, token string) {
		actor, err := auth.ParseAPIToken(token)
		if (err == nil) == (actor == auth.Actor{}) || err != nil && problem.CodeOf(err) != problem.TokenInvalid {
			t.Errorf("%q: %+v and %v", token, actor, err)
		}
	})
}
