package server_test

import (
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
)

const example = "../../.env.example"

// explained is a setting of the example: its value, and the line above it.
type explained struct{ name, value, comment string }

func readExample(t *testing.T) []explained {
	t.Helper()
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	var all []explained
	comments := 0
	last := ""
	for line := range strings.SplitSeq(string(text), "\n") {
		switch name, value, set := strings.Cut(line, "="); {
		case line == "":
			comments, last = 0, ""
		case strings.HasPrefix(line, "#"):
			comments++
			last = strings.TrimSpace(strings.TrimPrefix(line, "#"))
		case !set:
			t.Errorf("this line is neither a setting nor a comment: %s", line)
		case comments != 1:
			t.Errorf("%s has %d lines of comment, want one", name, comments)
			comments = 0
		default:
			all = append(all, explained{name, value, last})
			comments = 0
		}
	}
	return all
}

func TestSettings_ExampleListsEachOne(t *testing.T) {
	t.Parallel()
	defaults := map[string]string{}
	for field := range reflect.TypeFor[server.Settings]().Fields() {
		if name := field.Tag.Get("env"); name != "" {
			defaults[name] = field.Tag.Get("envDefault")
		}
	}
	listed := map[string]string{}
	for _, setting := range readExample(t) {
		if _, twice := listed[setting.name]; twice {
			t.Errorf("%s is listed twice", setting.name)
		}
		// Where there is no default it is empty, or to be replaced.
		if listed[setting.name] = setting.value; strings.Contains(setting.value, "change-me") && defaults[setting.name] == "" {
			listed[setting.name] = ""
		}
		if words := len(strings.Fields(setting.comment)); words < 3 || !strings.HasSuffix(setting.comment, ".") && !strings.Contains(setting.comment, ": ") {
			t.Errorf("%s is not explained by a sentence: %q", setting.name, setting.comment)
		}
	}
	for _, more := range []string{"JWT_PRIVATE_KEY_FILE", "GOOGLE_APPLICATION_CREDENTIALS"} {
		if value, found := listed[more]; !found || value != "" {
			t.Errorf("%s is missing, or has a value: %q", more, value)
		}
		delete(listed, more)
	}
	if diff := cmp.Diff(defaults, listed); diff != "" {
		t.Errorf("%s and the settings of the code with their defaults differ (-code +example):\n%s", example, diff)
	}
}

func TestSettings_ExampleIsRejectedInProduction(t *testing.T) {
	t.Parallel()
	s, err := server.Load(nil, example)
	if err != nil {
		t.Fatalf("the example cannot be read: %v", err)
	}
	err = s.ForServe()
	for _, name := range []string{"SECRET_KEY", "JWT_SECRET_KEY"} {
		if err == nil || !strings.Contains(err.Error(), "\n  - "+name+" looks like a placeholder") {
			t.Errorf("%s of the example is taken for a secret: %v", name, err)
		}
	}
	s.SecretKey, s.JWTSecret = oneKey, anotherKey
	if err := s.ForServe(); err != nil {
		t.Errorf("with its keys replaced the example has other faults: %v", err)
	}
	if err := s.ForMigrate(); err != nil {
		t.Errorf("the example is not enough for migrations: %v", err)
	}
}

func TestDotenv_ValuesAreTakenLiterally(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ line, want string }{
		"a dollar sign":               {line: "SECRET_KEY=pa$WORD${X}$(y)", want: "pa$WORD${X}$(y)"},
		"a dollar sign in quotes":     {line: `SECRET_KEY="pa$WORD\n"`, want: `pa$WORD\n`},
		"a number sign in a value":    {line: "SECRET_KEY=one#two", want: "one#two"},
		"a number sign in quotes":     {line: `SECRET_KEY="one #two"`, want: "one #two"},
		"a comment after a value":     {line: "SECRET_KEY=one # two", want: "one"},
		"a comment after a tab":       {line: "SECRET_KEY=one\t# two", want: "one"},
		"a comment after quotes":      {line: `SECRET_KEY='one # two' # "three"`, want: "one # two"},
		"a comment instead of one":    {line: "SECRET_KEY= # none", want: ""},
		"quotes in a value":           {line: `SECRET_KEY="one"two"`, want: `one"two`},
		"a quote that is not closed":  {line: `SECRET_KEY="one`, want: `"one`},
		"export":                      {line: "export SECRET_KEY='quoted'", want: "quoted"},
		"after a comment and a blank": {line: "# SECRET_KEY=no\n\nSECRET_KEY = spaced ", want: "spaced"},
		"after a byte order mark":     {line: "\ufeffSECRET_KEY=first", want: "first"},
		"with carriage returns":       {line: "SECRET_KEY=first\r\nLOG_LEVEL=INFO\r\n", want: "first"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := server.Load(nil, file(t, tc.line))
			if err != nil || string(s.SecretKey) != tc.want {
				t.Errorf("the value is %q, %v, want %q", string(s.SecretKey), err, tc.want)
			}
		})
	}
}

func TestDotenv_UTF16IsRejectedWithTheReason(t *testing.T) {
	t.Parallel()
	_, err := server.Load(nil, file(t, "\xff\xfeS\x00E\x00C\x00=\x00\r\x00\n\x00"))
	if err == nil || !strings.Contains(err.Error(), "UTF-16: save it as UTF-8") {
		t.Errorf("the error is %v", err)
	}
}

func TestSettings_UnknownNamesAreWarnedAbout(t *testing.T) {
	t.Parallel()
	path := file(t, "DATABASE_ULR=x\nCOMPOSE_PROJECT_NAME=x\nLOG_LEVEL=INFO\nSECRET_KEY_FILE=/nowhere\nPORT=80\nlog_format=text\n")
	s, _ := server.Load([]string{"RATELIMIT_DEFAULTS=1/minute", "HOME=/root", "TERM=xterm", "REDIS_URL=redis://redis"}, path)
	want := []string{
		"COMPOSE_PROJECT_NAME in " + path + " is not a setting of codegenapp",
		"DATABASE_ULR in " + path + " is not a setting of codegenapp; did you mean DATABASE_URL?",
		"RATELIMIT_DEFAULTS in the environment is not a setting of codegenapp; did you mean RATELIMIT_DEFAULT?",
		"log_format in " + path + " is not a setting of codegenapp; did you mean LOG_FORMAT?",
	}
	if diff := cmp.Diff(want, s.Warnings()); diff != "" {
		t.Errorf("the warnings (-want +got):\n%s", diff)
	}
	// A misspelt name is often why another setting is missing, so they are reported together.
	fault := server.Serve(t.Context(), s, io.Discard)
	if fault == nil || !strings.Contains(fault.Error(), "DATABASE_URL is needed") || !strings.Contains(fault.Error(), "did you mean DATABASE_URL?") {
		t.Errorf("the server does not start: %v", fault)
	}
	if s, _ := server.Load(nil, example); len(s.Warnings()) > 0 {
		t.Errorf("the example has unknown names: %v", s.Warnings())
	}
}
