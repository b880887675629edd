package server

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
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

// SettingsError names every setting that is missing or wrong, never its value.
type SettingsError []string

func (e SettingsError) Error() string {
	return "these settings need attention:\n  - " + strings.Join(e, "\n  - ")
}

// Load reads the settings from environ and, where that is silent, from the file
// dotenv. An empty value counts as none. The settings are there also with an
// error, a SettingsError that names what could not be read; ForServe and
// ForMigrate repeat it among what they find, so that all faults come together.
func Load(environ []string, dotenv string) (*Settings, error) {
	s := &Settings{}
	given, err := readDotenv(dotenv)
	if err != nil {
		s.unread = append(s.unread, err.Error())
	}
	for name, value := range env.ToMap(environ) {
		if value != "" {
			given[name] = value
		}
	}
	s.unread = append(s.unread, readSecretFiles(given)...)
	if given["HTTP_ADDR"] == "" && given["PORT"] != "" {
		given["HTTP_ADDR"] = ":" + given["PORT"]
	}
	maps.DeleteFunc(given, func(_, value string) bool { return value == "" })
	s.unread = append(s.unread, parseFaults(env.ParseWithOptions(s, env.Options{Environment: given}))...)
	s.GoogleClientIDs, s.JWTPrevious = entries(s.GoogleClientIDs), entries(s.JWTPrevious)
	s.GoogleHostedDomains, s.AdminEmails = entries(s.GoogleHostedDomains), entries(s.AdminEmails)
	s.TrustedProxies, s.CORSOrigins = entries(s.TrustedProxies), entries(s.CORSOrigins)
	if given["GOOGLE_HOSTED_DOMAINS"] != "" && len(s.GoogleHostedDomains) == 0 {
		// Without a domain everybody may sign in, which nobody means by a comma.
		s.unread = append(s.unread, "GOOGLE_HOSTED_DOMAINS is set, but has no domain in it")
	}
	if len(s.unread) > 0 {
		return s, s.unread
	}
	return s, nil
}

// entries are those of a list, without the space around them. An empty one is
// none: as a domain it would let in everybody who has no domain.
func entries[T ~string](list []T) []T {
	var kept []T
	for _, entry := range list {
		if entry := strings.TrimSpace(string(entry)); entry != "" {
			kept = append(kept, T(entry))
		}
	}
	return kept
}

// parseFaults says which settings could not be read. The parser's own text is
// not repeated: it holds the value.
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

// forms says in words what a setting of a type looks like.
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

// secretSettings may also be given as NAME_FILE.
func secretSettings() []string {
	var names []string
	for field := range reflect.TypeFor[Settings]().Fields() {
		if field.Type == reflect.TypeFor[Secret]() || field.Type == reflect.TypeFor[[]Secret]() {
			names = append(names, field.Tag.Get("env"))
		}
	}
	return names
}

func readSecretFiles(given map[string]string) SettingsError {
	var faults SettingsError
	for _, name := range secretSettings() {
		path := given[name+"_FILE"]
		if path == "" {
			continue
		}
		if given[name] != "" {
			faults = append(faults, name+" and "+name+"_FILE are both set; one of them is meant")
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			faults = append(faults, name+"_FILE names a file that cannot be read")
			continue
		}
		given[name] = strings.TrimRight(string(content), "\r\n")
	}
	return faults
}

// readDotenv reads NAME=value lines; blank lines and those that begin with #
// count for nothing, quotes around a value are removed. There need not be a file.
func readDotenv(path string) (map[string]string, error) {
	values := map[string]string{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return values, nil
	}
	if err != nil {
		return values, fmt.Errorf("%s cannot be read", path)
	}
	defer f.Close() //nolint:errcheck // only read from
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !ok {
			return values, fmt.Errorf("line %d of %s is not NAME=value", n, path)
		}
		value = strings.TrimSpace(value)
		for _, quote := range []string{`"`, `'`} {
			if inner, ok := strings.CutPrefix(value, quote); ok && strings.HasSuffix(inner, quote) {
				value = strings.TrimSuffix(inner, quote)
				break
			}
		}
		values[strings.TrimSpace(name)] = value
	}
	if lines.Err() != nil { // a line without an end, or a directory
		return values, fmt.Errorf("%s cannot be read", path)
	}
	return values, nil
}

// duration is a setting in seconds ("3600") or Go's form ("1h").
type duration time.Duration

// UnmarshalText reads the duration.
func (d *duration) UnmarshalText(text []byte) error {
	if seconds, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		*d = duration(time.Duration(seconds) * time.Second)
		if time.Duration(*d)/time.Second != time.Duration(seconds) {
			return errors.New("longer than can be counted")
		}
		return nil
	}
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}

// logLevel is a setting by the names of Cloud Logging.
type logLevel slog.Level

var logLevels = map[string]slog.Level{
	"DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "WARNING": slog.LevelWarn,
	"ERROR": slog.LevelError, "CRITICAL": telemetry.LevelCritical,
}

// UnmarshalText reads the level.
func (l *logLevel) UnmarshalText(text []byte) error {
	level, ok := logLevels[strings.ToUpper(string(text))]
	if !ok {
		return fmt.Errorf("not one of %v", slices.Sorted(maps.Keys(logLevels)))
	}
	*l = logLevel(level)
	return nil
}
