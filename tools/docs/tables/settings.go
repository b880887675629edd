package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// groups are the headings of the table, by the first setting of each group.
var groups = map[string]string{
	"APP_ENV":                     "Server",
	"DATABASE_URL":                "Database",
	"REDIS_URL":                   "Redis, cache and rate limits",
	"GOOGLE_CLIENT_ID":            "Sign-in",
	"SECRET_KEY":                  "Keys, tokens and sessions",
	"MAX_PROJECTS_PER_USER":       "Limits and retention",
	"LOG_LEVEL":                   "Log",
	"OTEL_EXPORTER_OTLP_ENDPOINT": "Traces",
	"SHUTDOWN_DRAIN":              "Shutdown",
}

var (
	assignment = regexp.MustCompile(`^([A-Z][A-Z0-9_]*)=(.*)$`)
	secretType = regexp.MustCompile("(?m)^\t\\w+ +(?:\\[\\])?Secret +`env:\"(\\w+)\"")
)

// settingsTable lists every setting. Names, defaults and descriptions come from
// .env.example, which a test compares with the code.
func settingsTable() (string, error) {
	example, err := os.ReadFile(".env.example")
	if err != nil {
		return "", err
	}
	code, err := os.ReadFile("internal/server/settings.go")
	if err != nil {
		return "", err
	}
	return table(string(example), secrets(code)), nil
}

// secrets are the settings whose values are never printed.
func secrets(code []byte) map[string]bool {
	names := map[string]bool{}
	for _, match := range secretType.FindAllSubmatch(code, -1) {
		names[string(match[1])] = true
	}
	return names
}

// table is the Markdown of all settings in example. The comment above a
// setting is its description.
func table(example string, secret map[string]bool) string {
	var out, comment strings.Builder
	for line := range strings.Lines(example) {
		line = strings.TrimSpace(line)
		match := assignment.FindStringSubmatch(line)
		switch {
		case line == "":
			comment.Reset()
		case strings.HasPrefix(line, "#"):
			comment.WriteString(" " + strings.TrimSpace(strings.TrimPrefix(line, "#")))
		case match != nil:
			if heading := groups[match[1]]; heading != "" {
				fmt.Fprintf(&out, "\n## %s\n\n| setting | default | description |\n| --- | --- | --- |\n", heading)
			}
			fmt.Fprintf(&out, "| %s | %s | %s |\n", name(match[1], secret[match[1]]), value(match[2]), strings.TrimSpace(comment.String()))
			comment.Reset()
		}
	}
	return out.String()
}

func name(setting string, secret bool) string {
	if secret {
		return "`" + setting + "` *"
	}
	return "`" + setting + "`"
}

// value is the default of a setting; empty if the text is a placeholder.
func value(text string) string {
	if text == "" || strings.Contains(text, "change-me") {
		return ""
	}
	return "`" + text + "`"
}
