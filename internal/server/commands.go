package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/codegenapp/codegenapp/internal/httpapi"
	"github.com/codegenapp/codegenapp/internal/postgres"
)

// Build is what this program was built from.
type Build struct{ Version, Commit, Go string }

// BuildVersion reads what the Go toolchain wrote into the program.
func BuildVersion() Build {
	b := Build{Version: "devel", Commit: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Commit = s.Value
		}
	}
	return b
}

// Serve runs the server until ctx is done.
func Serve(ctx context.Context, s *Settings, logs io.Writer) error {
	if err := s.ForServe(); err != nil {
		return err
	}
	listener, err := Listen(ctx, s.Addr)
	if err != nil {
		return err
	}
	log := Logger(s, logs)
	a, err := New(ctx, s, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer a.Close() //nolint:contextcheck // it ends after ctx
	log.InfoContext(ctx, "listening", "address", listener.Addr().String(), "version", BuildVersion().Version)
	return a.Serve(ctx, listener)
}

// WithMigrator runs do with a migrator over the owner's connection.
func WithMigrator(s *Settings, do func(*postgres.Migrator) error) (err error) {
	if err := s.ForMigrate(); err != nil {
		return err
	}
	m, err := postgres.NewMigrator(string(s.owner()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return do(m)
}

// MigrateUp applies every missing step and lets the service's role in.
func MigrateUp(ctx context.Context, s *Settings, out io.Writer) error {
	return WithMigrator(s, func(m *postgres.Migrator) error {
		applied, err := m.Up(ctx, string(s.DatabaseURL))
		if err != nil {
			return err
		}
		for _, step := range applied {
			fmt.Fprintf(out, "applied %s in %s\n", step.Name, step.Took.Round(time.Millisecond))
		}
		if len(applied) == 0 {
			fmt.Fprintln(out, "nothing to apply: the schema is up to date")
		}
		return nil
	})
}

// MigrateDown takes back the newest step.
func MigrateDown(ctx context.Context, s *Settings, out io.Writer) error {
	return WithMigrator(s, func(m *postgres.Migrator) error {
		name, err := m.Down(ctx)
		if err == nil {
			fmt.Fprintf(out, "took back %s\n", name)
		}
		return err
	})
}

// MigrateStatus prints every step and when it was applied.
func MigrateStatus(ctx context.Context, s *Settings, out io.Writer) error {
	return WithMigrator(s, func(m *postgres.Migrator) error {
		steps, err := m.Status(ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "MIGRATION\tAPPLIED")
		for _, step := range steps {
			at := "no"
			if !step.At.IsZero() {
				at = step.At.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(table, "%s\t%s\n", step.Name, at)
		}
		return table.Flush()
	})
}

// MigrateCreate writes the next numbered step, to be filled in.
func MigrateCreate(name string, out io.Writer) error {
	path, err := postgres.CreateMigration("internal/postgres/migrations", name)
	if err == nil {
		fmt.Fprintln(out, "wrote", path)
	}
	return err
}

// Contract prints the published contract as JSON or YAML.
func Contract(out io.Writer, yaml bool) error {
	api, _ := httpapi.New(httpapi.Config{Now: time.Now})
	render := api.ContractJSON
	if yaml {
		render = api.ContractYAML
	}
	document, err := render()
	if err != nil {
		return fmt.Errorf("render the contract: %w", err)
	}
	_, err = fmt.Fprintln(out, strings.TrimRight(string(document), "\n"))
	return err
}
