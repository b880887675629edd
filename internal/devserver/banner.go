package devserver

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
)

// banner returns how to use the server.
func (d *devServer) banner(took time.Duration, token accessToken) string {
	url := d.listeners.url()
	var text strings.Builder
	write := func(format string, values ...any) { fmt.Fprintf(&text, format+"\n", values...) }
	write("\nOpen the workspace. This link signs you in as %s, once, in the next %d minutes:", userEmail, int(linkTTL.Minutes()))
	write("")
	write("  %s", url+d.link.path())
	write("")
	write("codegenapp is listening on %s (started in %.1f s)", url, took.Seconds())
	if d.listeners.portTaken {
		write("Another program uses port %s. Stop it, or choose a port with --port.", defaultPort)
	}
	write("")
	write("  sign in   %s", d.signInURL())
	write("  docs      %s/docs", url)
	write("  contract  %s/api/v1/openapi.json", url)
	write("  database  psql %q  (PostgreSQL %s)", d.database.URL(databaseName), d.database.Version())
	write("  issuer    %s  (client ID %s)", d.settings.GoogleIssuer, clientID)
	write("  users     %s, and any other e-mail address", strings.Join(d.userList(), ", "))
	write("  limits    %s", limitText(d.settings))
	write("  data      %s", d.dir)
	write("")
	write("Try it. The token belongs to %s, is valid for %s, and is also in %s.",
		userEmail, lifetimeText(time.Duration(token.Seconds)*time.Second), filepath.Join(d.dir, tokenFile))
	write("")
	write("  export API=%s/api/v1 TOKEN=%s", url, token.Token)
	write(`  curl -s -H "Authorization: Bearer %s" %s/api/v1/projects`, token.Token, url)
	write("")
	write("Ctrl-C stops everything.\n")
	return text.String()
}

// signInURL is where a browser begins to sign in to the workspace, as any user.
func (d *devServer) signInURL() string {
	return d.listeners.url() + "/api/v1/auth/google?return_to=/"
}

// userList returns the users of the sign-in page.
func (d *devServer) userList() []string {
	var list []string
	for _, user := range users {
		entry := user.Email
		if slices.Contains(d.settings.AdminEmails, entry) {
			entry += " (admin)"
		}
		list = append(list, entry)
	}
	return list
}

// limitText describes the rate limit, which is higher than that of `serve`.
func limitText(s *server.Settings) string {
	if !s.RateLimitEnabled {
		return "no rate limits"
	}
	return fmt.Sprintf("%s for each user (RATELIMIT_DEFAULT; 100/minute in production)", s.RateLimitDefault)
}

// lifetimeText is a duration without trailing zeros: 1h, 90s as 1m30s.
func lifetimeText(d time.Duration) string {
	text := d.String()
	if d >= time.Minute && d%time.Minute == 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d >= time.Hour && d%time.Hour == 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
