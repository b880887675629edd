package app

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

	"github.com/codegenapp/codegenapp/internal/telemetry"
)

// SettingsError names every setting that is missing or wrong, never its value.
type SettingsError []string

func (e SettingsError) Error() string {
	return "these settings need attention:\n  - " + strings.Join(e, "\n  - ")
}

// Load reads the settings from environ and, where that is silent, from the file
// dotenv, and checks those that every command needs. All faults come together,
// as a SettingsError.
func Load(environ []string, dotenv string) (*Settings, error) {
	var faults SettingsError
	given := map[string]string{}
	file, err := readDotenv(dotenv)
	if err != nil {
		faults = append(faults, err.Error())
	}
	maps.Copy(given, file)
	maps.Copy(given, env.ToMap(environ))
	faults = append(faults, readSecretFiles(given)...)
	if _, ok := given["HTTP_ADDR"]; !ok && given["PORT"] != "" {
		given["HTTP_ADDR"] = ":" + given["PORT"]
	}
	for name, value := range given { // an empty setting is one that is not set
		if value == "" {
			delete(given, name)
		}
	}
	s := &Settings{}
	faults = append(faults, parseFaults(env.ParseWithOptions(s, env.Options{Environment: given}))...)
	if len(faults) > 0 {
		return nil, faults
	}
	return s, nil
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
	reflect.TypeFor[int]():       "a whole number",
	reflect.TypeFor[int64]():     "a whole number",
	reflect.TypeFor[duration]():  "a duration: seconds (3600) or 1h, 30m, 10s",
	reflect.TypeFor[*duration](): "a duration: seconds (3600) or 1h, 30m, 10s",
	reflect.TypeFor[logLevel]():  "one of DEBUG, INFO, WARNING, ERROR, CRITICAL",
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
		content, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			faults = append(faults, name+"_FILE names a file that cannot be read")
			continue
		}
		given[name] = strings.TrimRight(string(content), "\r\n")
	}
	return faults
}

// readDotenv reads NAME=value lines; blank lines and those that begin with #
// count for nothing, quotes around a value are removed.
func readDotenv(path string) (map[string]string, error) {
	f, err := os.Open(path) //nolint:gosec // the program's own file
	if errors.Is(err, fs.ErrNotExist) || path == "" {
		return nil, nil //nolint:nilnil // there need not be one
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read", path)
	}
	defer f.Close() //nolint:errcheck // only read from
	values := map[string]string{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !ok {
			return nil, fmt.Errorf("line %d of %s is not NAME=value", n, path)
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
	return values, lines.Err()
}

// duration is a setting in seconds ("3600") or Go's form ("1h").
type duration time.Duration

// UnmarshalText reads the duration.
func (d *duration) UnmarshalText(text []byte) error {
	if seconds, err := strconv.Atoi(string(text)); err == nil {
		*d = duration(time.Duration(seconds) * time.Second)
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
