package server

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/codegenapp/codegenapp/internal/ratelimit"
	"github.com/codegenapp/codegenapp/internal/telemetry"
)

// SettingsError names every setting that is missing or invalid, never its value.
type SettingsError []string

func (e SettingsError) Error() string {
	return "these settings need attention:\n  - " + strings.Join(e, "\n  - ")
}

// Load reads the settings from environ, and those that are not set there from the file
// dotenv. An empty value counts as not set. Load always returns settings. Its error is
// a SettingsError that names what could not be parsed. ForServe and ForMigrate include
// it in theirs, so that all faults are reported together.
func Load(environ []string, dotenv string) (*Settings, error) {
	s := &Settings{}
	set, err := readDotenv(dotenv)
	if err != nil {
		s.unread = append(s.unread, err.Error())
	}
	s.warnings = unknownSettings(dotenv, set, environ)
	for name, value := range env.ToMap(environ) {
		if value != "" {
			set[name] = value
		}
	}
	s.unread = append(s.unread, readSecretFiles(set)...)
	for _, name := range urlSettings {
		set[name] = normalizeURL(set[name])
	}
	if set["HTTP_ADDR"] == "" && set["PORT"] != "" {
		set["HTTP_ADDR"] = ":" + set["PORT"]
	}
	maps.DeleteFunc(set, func(_, value string) bool { return value == "" })
	s.unread = append(s.unread, parseFaults(env.ParseWithOptions(s, env.Options{Environment: set}))...)
	s.GoogleClientIDs, s.JWTPrevious = entries(s.GoogleClientIDs), entries(s.JWTPrevious)
	s.GoogleHostedDomains, s.AdminEmails = entries(s.GoogleHostedDomains), entries(s.AdminEmails)
	s.TrustedProxies, s.CORSOrigins = entries(s.TrustedProxies), entries(s.CORSOrigins)
	if set["GOOGLE_HOSTED_DOMAINS"] != "" && len(s.GoogleHostedDomains) == 0 {
		// Without a domain any account may sign in, which a lone comma does not mean.
		s.unread = append(s.unread, "GOOGLE_HOSTED_DOMAINS is set, but contains no domain")
	}
	if len(s.unread) > 0 {
		return s, s.unread
	}
	return s, nil
}

// urlSettings are the settings that are the URL of a server.
var urlSettings = []string{"DATABASE_URL", "MIGRATION_DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL", "RATELIMIT_STORAGE_URL"}

// normalizeURL removes space around a URL and writes its scheme in lower case.
func normalizeURL(u string) string {
	u = strings.TrimSpace(u)
	if scheme, rest, found := strings.Cut(u, "://"); found {
		return strings.ToLower(scheme) + "://" + rest
	}
	return u
}

// entries returns the entries of a list without surrounding space. It drops empty
// ones: an empty domain would allow every account that has no domain.
func entries[T ~string](list []T) []T {
	var trimmed []T
	for _, entry := range list {
		if entry := strings.TrimSpace(string(entry)); entry != "" {
			trimmed = append(trimmed, T(entry))
		}
	}
	return trimmed
}

// parseFaults returns the settings that could not be parsed. It leaves out the
// parser's message, which contains the value.
func parseFaults(err error) SettingsError {
	var faults SettingsError
	all, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return nil
	}
	for _, err := range all.Errors {
		if parse, ok := errors.AsType[env.ParseError](err); ok {
			field, _ := reflect.TypeFor[Settings]().FieldByName(parse.Name)
			faults = append(faults, fmt.Sprintf("%s is not %s", field.Tag.Get("env"), forms[field.Type]))
		} else {
			faults = append(faults, err.Error())
		}
	}
	return faults
}

// forms describes the values of each type of setting.
var forms = map[reflect.Type]string{
	reflect.TypeFor[int]():            "a whole number",
	reflect.TypeFor[int64]():          "a whole number",
	reflect.TypeFor[float64]():        "a number",
	reflect.TypeFor[duration]():       "a duration: seconds (3600) or 1h, 30m, 10s",
	reflect.TypeFor[*duration]():      "a duration: seconds (3600) or 1h, 30m, 10s",
	reflect.TypeFor[logLevel]():       "one of DEBUG, INFO, WARNING, ERROR, CRITICAL",
	reflect.TypeFor[bool]():           "true or false",
	reflect.TypeFor[*bool]():          "true or false",
	reflect.TypeFor[ratelimit.Rate](): "N/second, N/minute or N/hour with N from 1 to 1000000",
}

// secretSettings returns the settings that can also be set as NAME_FILE.
func secretSettings() []string {
	var names []string
	for field := range reflect.TypeFor[Settings]().Fields() {
		if field.Type == reflect.TypeFor[Secret]() || field.Type == reflect.TypeFor[[]Secret]() {
			names = append(names, field.Tag.Get("env"))
		}
	}
	return names
}

func readSecretFiles(set map[string]string) SettingsError {
	var faults SettingsError
	for _, name := range secretSettings() {
		path := set[name+"_FILE"]
		if path == "" {
			continue
		}
		if set[name] != "" {
			faults = append(faults, name+" and "+name+"_FILE are both set; set one of them")
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			faults = append(faults, name+"_FILE names a file that cannot be read")
			continue
		}
		set[name] = strings.TrimRight(string(content), "\r\n")
	}
	return faults
}

// duration is a setting in seconds ("3600") or in Go's format ("1h").
type duration time.Duration

// UnmarshalText parses a duration.
func (d *duration) UnmarshalText(text []byte) error {
	if seconds, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		*d = duration(time.Duration(seconds) * time.Second)
		if time.Duration(*d)/time.Second != time.Duration(seconds) {
			return errors.New("out of range")
		}
		return nil
	}
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}

// logLevel is a setting with the level names of Cloud Logging.
type logLevel slog.Level

var logLevels = map[string]slog.Level{
	"DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "WARNING": slog.LevelWarn,
	"ERROR": slog.LevelError, "CRITICAL": telemetry.LevelCritical,
}

// UnmarshalText parses a level.
func (l *logLevel) UnmarshalText(text []byte) error {
	level, ok := logLevels[strings.ToUpper(string(text))]
	if !ok {
		return fmt.Errorf("not one of %v", slices.Sorted(maps.Keys(logLevels)))
	}
	*l = logLevel(level)
	return nil
}
