package issuer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
)

func TestUserStore_BehavesLikeIdentityPlatform(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(nil)
	w := &fixture{url: "http://" + srv.Listener.Addr().String() + "/my-project", now: epoch}
	cfg := config(t, w.url)
	cfg.Project, cfg.Clients, cfg.Now = "my-project", nil, func() time.Time { return w.now }
	i, err := issuer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Issuer, srv.Config.Handler = i, i
	srv.Start()
	t.Cleanup(srv.Close)

	claims, err := claimsOf(t, w, sign(t, w, issuer.Claims{}), "my-project")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"aud": "my-project", "iss": w.url, "sub": "1001", "user_id": "1001", "auth_time": float64(epoch.Unix()),
		"firebase": map[string]any{
			"sign_in_provider": "google.com",
			"identities":       map[string]any{"google.com": []any{"1001"}, "email": []any{"ann@example.com"}},
		},
	}
	got := map[string]any{}
	for name := range want {
		got[name] = claims[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	for _, path := range []string{"/authorize", "/token"} {
		if res := get(t, w.url+path); res.status != http.StatusNotFound {
			t.Errorf("%s responded %d", path, res.status)
		}
	}
}
