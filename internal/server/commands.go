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

// Build identifies what the program was built from.
type Build struct{ Version, Commit, Go string }

// BuildVersion returns the build information that the Go toolchain embeds.
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
		return s.withWarnings(err)
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
	for _, warning := range s.Warnings() {
		log.WarnContext(ctx, "a setting has no effect", "reason", warning)
	}
	log.InfoContext(ctx, "listening", "address", listener.Addr().String(), "version", BuildVersion().Version)
	return a.Serve(ctx, listener)
}

// WithMigrator calls do with a migrator that connects as the owner.
func WithMigrator(s *Settings, do func(*postgres.Migrator) error) (err error) {
	if err := s.ForMigrate(); err != nil {
		return s.withWarnings(err)
	}
	m, err := postgres.NewMigrator(string(s.migrationURL()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return do(m)
}

// MigrateUp applies all pending migrations and grants the service's role its rights.
func MigrateUp(ctx context.Context, s *Settings, out io.Writer) error {
	return WithMigrator(s, func(m *postgres.Migrator) error {
		changes, err := m.Up(ctx, string(s.DatabaseURL))
		if err != nil {
			return err
		}
		for _, migration := range changes.Applied {
			fmt.Fprintf(out, "applied %s in %s\n", migration.Name, migration.Took.Round(time.Millisecond))
		}
		if len(changes.Applied) == 0 {
			fmt.Fprintln(out, "nothing to apply: the schema is up to date")
		}
		if len(changes.Excluded) > 0 {
			fmt.Fprintf(out, "only the owner and the service may connect to the database from now on; these roles no longer can: %s\n"+
				"grant it to those that need it, such as a role for backups: GRANT CONNECT ON DATABASE %s TO …\n", strings.Join(changes.Excluded, ", "), changes.Database)
		}
		return nil
	})
}

// MigrateDown rolls the newest migration back.
func MigrateDown(ctx context.Context, s *Settings, out io.Writer) error {
	return WithMigrator(s, func(m *postgres.Migrator) error {
		name, err := m.Down(ctx)
		if err == nil {
			fmt.Fprintf(out, "rolled back %s\n", name)
		}
		return err
	})
}

// MigrateStatus prints all migrations and when each was applied.
func MigrateStatus(ctx context.Context, s *Settings, out io.Writer) error {
	return WithMigrator(s, func(m *postgres.Migrator) error {
		migrations, err := m.Status(ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "MIGRATION\tAPPLIED")
		for _, migration := range migrations {
			at := "no"
			if !migration.At.IsZero() {
				at = migration.At.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(table, "%s\t%s\n", migration.Name, at)
		}
		return table.Flush()
	})
}

// CheckMigrationName returns nil for a name that MigrateCreate accepts.
func CheckMigrationName(name string) error { return postgres.CheckMigrationName(name) }

// MigrateCreate writes an empty migration with the next number.
func MigrateCreate(name string, out io.Writer) error {
	path, err := postgres.CreateMigration("internal/postgres/migrations", name)
	if err == nil {
		fmt.Fprintln(out, "wrote", path)
	}
	return err
}

// Contract prints the published contract as JSON or YAML.
func Contract(out io.Writer, yaml bool) error {
	api, _ := httpapi.New(httpapi.Config{Telemetry: httpapi.Telemetry{Now: time.Now}})
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
