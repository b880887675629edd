package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/telemetry"
)

// canary stands for every secret here, and may be seen nowhere.
const canary = "Kanarienvogel-gOzQ9vZ1rT5mXc7KpL2wYb8NfE4hJ6sD0"

func TestSettings_SecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	s := load(t, "",
		"DATABASE_URL=postgres://u:"+canary+"@db/db", "MIGRATION_DATABASE_URL=postgres://u:"+canary+"@db/db",
		"SECRET_KEY="+canary, "JWT_SECRET_KEY="+canary, "JWT_PREVIOUS_SECRET_KEYS="+canary+","+canary)
	type holder struct {
		Settings  *server.Settings
		Plain     server.Settings
		Secret    server.Secret
		Pointer   *server.Secret
		List      []server.Secret
		Map       map[string]server.Secret
		Interface any
	}
	held := holder{s, *s, s.SecretKey, &s.SecretKey, s.JWTPrevious, map[string]server.Secret{"key": s.JWTSecret}, s.SecretKey}
	redacted := 0
	for _, v := range []any{s, *s, s.SecretKey, &s.SecretKey, s.JWTPrevious, held, &held, []any{s.SecretKey}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%T %v", "%10.5v"} {
			wantNoCanary(t, verb, fmt.Sprintf(verb, v))
		}
		wantNoCanary(t, "Sprint", fmt.Sprint(v), fmt.Sprintln(v))
		text, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%T is not to be had as JSON: %v", v, err)
		}
		wantNoCanary(t, "JSON", string(text))
		redacted += strings.Count(string(text), "[redacted]")
		for _, format := range []telemetry.Format{telemetry.JSON, telemetry.Text, telemetry.Console} {
			var out bytes.Buffer
			log := telemetry.NewLogger(&out, telemetry.LogConfig{Level: slog.LevelDebug, Format: format})
			log.With("with", v).WithGroup("group").InfoContext(t.Context(), "said", "value", v, "list", []any{v})
			wantNoCanary(t, "slog", out.String())
		}
	}
	for _, verb := range []string{"%s", "%q", "%+q", "%x", "%X", "% x", "%d", "%o", "%t", "%c", "%U", "%e", "%y"} {
		wantNoCanary(t, verb, fmt.Sprintf(verb, s.SecretKey), fmt.Sprintf(verb, s.JWTPrevious), fmt.Sprintf(verb, *s))
	}
	wantNoCanary(t, "errors", errors.Join(fmt.Errorf("%v", s), fmt.Errorf("%s", s.SecretKey)).Error())
	wantNoCanary(t, "String", s.SecretKey.String())
	if redacted == 0 {
		t.Error("nothing was redacted, so nothing was tried")
	}
}

// Every fault of every setting, with the canary as its value: none of the
// messages repeats what was set.
func TestSettings_FaultsContainNoValues(t *testing.T) {
	t.Parallel()
	said := 0
	try := func(environ []string, dotenv string) {
		t.Helper()
		s, err := server.Load(environ, dotenv)
		for _, err := range []error{err, s.ForServe(), s.ForMigrate()} {
			if err == nil {
				continue
			}
			said++
			for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
				wantNoCanary(t, strings.Join(environ, " "), fmt.Sprintf(verb, err))
			}
		}
	}
	var all, urls []string
	for field := range reflect.TypeFor[server.Settings]().Fields() {
		name := field.Tag.Get("env")
		if name == "" {
			continue
		}
		all = append(all, name+"="+canary)
		for _, value := range []string{
			canary, canary + "," + canary, "postgres://u:" + canary + "@db:port/db", "postgres://u:" + canary + "@[::1/db?sslmode=" + canary,
			"http://u:" + canary + "@example.com", "%" + canary, canary[:20], "\"" + canary, canary + ":" + canary,
		} {
			for _, environment := range []string{"production", "development"} {
				try([]string{"APP_ENV=" + environment, name + "=" + value}, "")
			}
			try(nil, file(t, name+"="+value+"\n"))
			try([]string{name + "_FILE=" + file(t, value)}, "")
			try([]string{name + "_FILE=/" + canary}, "")
			try([]string{name + "=" + value, name + "_FILE=" + file(t, value)}, "")
		}
		urls = append(urls, name+"=postgres://u:"+canary+"@db:port/db")
	}
	try(all, "")
	try(urls, "")
	try(nil, file(t, strings.Join(all, "\n")+"\n"+canary+"\n"))
	try([]string{"PORT=" + canary}, "")
	if said < 100 {
		t.Errorf("only %d errors were looked at", said)
	}
}

func wantNoCanary(t *testing.T, where string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		hex := fmt.Sprintf("%x", canary)
		if strings.Contains(text, canary[:20]) || strings.Contains(strings.ToLower(text), hex[:20]) ||
			strings.Contains(text, fmt.Sprint([]byte(canary[:8]))[1:30]) {
			t.Errorf("%s shows the secret: %s", where, text)
		}
	}
}
