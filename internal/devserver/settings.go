package devserver

import (
	"crypto/rand"
	"net"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/codegenapp/codegenapp/internal/server"
)

const (
	// localhost as the host of HTTP_ADDR means both loopback addresses.
	localhost   = "localhost"
	defaultPort = "8080"
)

// defaults are settings of a development server that the environment may change.
var defaults = map[string]string{
	"APP_ENV":    "development",
	"LOG_FORMAT": "console",
	"HTTP_ADDR":  localhost + ":" + defaultPort,
	// Pages in development, on any port of this machine.
	"CORS_ORIGINS": "http://localhost:*,http://127.0.0.1:*",
	"ADMIN_EMAILS": adminEmail,
	// A page in development reloads often, and an import sends a request for each item.
	"RATELIMIT_DEFAULT": "6000/minute",
	"RATELIMIT_AUTH":    "600/minute",
	"RATELIMIT_REFRESH": "600/minute",
}

// settings returns the settings of a development server, and whether the environment
// or the flag chose the address. A .env file is ignored, since it is meant for
// `serve`. The database, the issuer and the keys have placeholders until they run, so
// that faults are reported before anything starts.
func settings(o Options) (s *server.Settings, addressChosen bool, err error) {
	set := env.ToMap(o.Environ)
	if set["APP_ENV"] == "production" {
		return nil, false, server.SettingsError{"APP_ENV is production, but dev has no passwords and signs every user in: use serve"}
	}
	environ := o.Environ
	switch {
	case o.Port != 0:
		set["HTTP_ADDR"] = net.JoinHostPort(localhost, strconv.Itoa(int(o.Port)))
	case set["HTTP_ADDR"] == "" && set["PORT"] != "":
		set["HTTP_ADDR"] = net.JoinHostPort(localhost, set["PORT"])
	}
	addressChosen = set["HTTP_ADDR"] != ""
	if addressChosen {
		environ = append(environ, "HTTP_ADDR="+set["HTTP_ADDR"])
	}
	for name, value := range defaults {
		if set[name] == "" {
			environ = append(environ, name+"="+value)
		}
	}
	for name := range set {
		if strings.HasSuffix(name, "_FILE") { // secrets of a real server, and its certificate
			environ = append(environ, name+"=")
		}
	}
	environ = append(environ, "DATABASE_URL=postgres://127.0.0.1", "DATABASE_DIRECT_URL=",
		"GOOGLE_ISSUER_URL=http://127.0.0.1", "GOOGLE_CLIENT_ID="+clientID, "GOOGLE_CLIENT_SECRET=",
		"GOOGLE_CLOUD_PROJECT=", "GOOGLE_HOSTED_DOMAINS=",
		"REDIS_URL=", "RATELIMIT_STORAGE_URL=", "SINGLE_REPLICA=true", "REQUIRE_HTTPS=false",
		"SECRET_KEY="+newKey(), "JWT_SECRET_KEY="+newKey(), "JWT_PRIVATE_KEY=")
	s, _ = server.Load(environ, "") // ForServe repeats its error
	return s, addressChosen, s.ForServe()
}

func newKey() string { return rand.Text() + rand.Text() }
