// Command codegenapp is the server where requirements live. See README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/codegenapp/codegenapp"
	"github.com/codegenapp/codegenapp/internal/devserver"
	"github.com/codegenapp/codegenapp/internal/doctor"
	"github.com/codegenapp/codegenapp/internal/server"
)

// Exit codes.
const (
	exitFailed   = 1
	exitSettings = 2
)

func main() {
	os.Exit(run(untilSignal(os.Interrupt, syscall.SIGTERM), os.Args[1:], os.Stdout, os.Stderr))
}

// untilSignal returns a context that is done at the first of the signals. A second
// signal then has its default effect: it ends the program at once.
func untilSignal(signals ...os.Signal) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan os.Signal, 1)
	signal.Notify(first, signals...)
	go func() {
		<-first
		signal.Reset(signals...)
		cancel()
	}()
	return ctx
}

// commands are the subcommands of the program.
type commands struct {
	Dev         devCommand         `cmd:"" help:"Run the server for development, with its own PostgreSQL and sign-in."`
	Serve       serveCommand       `cmd:"" help:"Run the server with the settings from the environment."`
	Issuer      issuerCommand      `cmd:"" help:"Run the sign-in issuer of dev alone, for docker compose; never in production."`
	Migrate     migrateCommand     `cmd:"" help:"Manage the schema of the database."`
	Doctor      doctorCommand      `cmd:"" help:"Check all settings and services, and report what to fix."`
	Env         envCommand         `cmd:"" help:"Print all settings with their descriptions, as an example of .env."`
	Openapi     openapiCommand     `cmd:"" help:"Print the OpenAPI document."`
	Healthcheck healthcheckCommand `cmd:"" help:"Exit with 0 if the server on this machine is alive, otherwise with 1."`
	Version     versionCommand     `cmd:"" help:"Print version, commit and Go version."`

	PrintVersion kong.VersionFlag `name:"version" short:"v" help:"Print version, commit and Go version."`
}

type migrateCommand struct {
	Up     migrateUpCommand     `cmd:"" help:"Apply all pending migrations."`
	Down   migrateDownCommand   `cmd:"" help:"Roll the newest migration back."`
	Status migrateStatusCommand `cmd:"" help:"List all migrations and when they were applied."`
	Create migrateCreateCommand `cmd:"" help:"Create an empty migration with the next number."`
}

const description = "The server where requirements live. To try it: codegenapp dev."

// streams are the outputs of a command.
type streams struct{ out, logs io.Writer }

// run parses the arguments, runs one command, and returns the exit code. Without
// arguments, and after "help", it prints the help.
func run(ctx context.Context, args []string, out, logs io.Writer) int {
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case args[0] == "help":
		args = append(slices.Clone(args[1:]), "--help")
	}
	status := -1
	parser, err := kong.New(&commands{}, kong.Name("codegenapp"), kong.Description(description),
		kong.Writers(out, logs), kong.Exit(func(s int) { status = s }), kong.UsageOnError(), kong.Vars{"version": version()},
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(streams{out, logs}))
	if err != nil {
		fmt.Fprintln(logs, "codegenapp:", err)
		return exitFailed
	}
	command, err := parser.Parse(args)
	if status >= 0 { // kong has printed the help or the version
		return status
	}
	if err != nil {
		fmt.Fprintf(logs, "codegenapp: %v; see codegenapp --help\n", err)
		return exitSettings
	}
	err = command.Run()
	if _, bad := errors.AsType[server.SettingsError](err); bad {
		fmt.Fprintln(logs, "codegenapp:", err)
		return exitSettings
	}
	if _, logged := errors.AsType[server.LoggedError](err); err != nil {
		if !logged {
			fmt.Fprintln(logs, "codegenapp:", err)
		}
		return exitFailed
	}
	return 0
}

// settings loads the settings from the environment and from .env in the current
// directory. The command that uses them reports their faults.
func settings() *server.Settings {
	s, _ := server.Load(os.Environ(), ".env") // ForServe and ForMigrate repeat its error
	return s
}

type devCommand struct {
	Data string `help:"Directory for the data, which is kept between starts (default: ${default})." default:".codegenapp" type:"path" placeholder:"DIR"`
	Port uint16 `help:"Port on this machine (default: 8080, or another one if that is taken)." placeholder:"PORT"`
	Open bool   `help:"Open the workspace in a browser, signed in."`
}

// Run is codegenapp dev.
func (c *devCommand) Run(ctx context.Context, s streams) error {
	return devserver.Run(ctx, devserver.Options{Environ: os.Environ(), Dir: c.Data, Port: c.Port, Open: c.Open}, s.out, s.logs)
}

type issuerCommand struct{}

// Run is codegenapp issuer.
func (*issuerCommand) Run(ctx context.Context, s streams) error {
	return devserver.RunIssuer(ctx, settings(), s.out)
}

type serveCommand struct{}

// Run is codegenapp serve.
func (*serveCommand) Run(ctx context.Context, s streams) error {
	return server.Serve(ctx, settings(), s.logs)
}

type migrateUpCommand struct{}

// Run is codegenapp migrate up.
func (*migrateUpCommand) Run(ctx context.Context, s streams) error {
	return server.MigrateUp(ctx, settings(), s.out)
}

type migrateDownCommand struct{}

// Run is codegenapp migrate down.
func (*migrateDownCommand) Run(ctx context.Context, s streams) error {
	return server.MigrateDown(ctx, settings(), s.out)
}

type migrateStatusCommand struct{}

// Run is codegenapp migrate status.
func (*migrateStatusCommand) Run(ctx context.Context, s streams) error {
	return server.MigrateStatus(ctx, settings(), s.out)
}

type migrateCreateCommand struct {
	Name string `arg:"" help:"What the migration does, in lower case with underscores."`
}

// Validate makes a bad name a mistake of the command line.
func (c *migrateCreateCommand) Validate() error {
	if err := server.CheckMigrationName(c.Name); err != nil {
		return fmt.Errorf("the name of a migration %w", err)
	}
	return nil
}

// Run is codegenapp migrate create.
func (c *migrateCreateCommand) Run(s streams) error {
	return server.MigrateCreate(c.Name, s.out)
}

type envCommand struct{}

// Run is codegenapp env.
func (*envCommand) Run(s streams) error {
	_, err := io.WriteString(s.out, codegenapp.ExampleSettings)
	return err
}

type openapiCommand struct {
	YAML bool `help:"Print YAML instead of JSON." name:"yaml"`
}

// Run is codegenapp openapi.
func (c *openapiCommand) Run(s streams) error { return server.Contract(s.out, c.YAML) }

type doctorCommand struct{}

// Run is codegenapp doctor.
func (*doctorCommand) Run(ctx context.Context, s streams) error {
	return doctor.Run(ctx, settings(), s.out)
}

type healthcheckCommand struct{}

// Run is codegenapp healthcheck.
func (*healthcheckCommand) Run(ctx context.Context) error {
	return server.Healthcheck(ctx, settings())
}

type versionCommand struct{}

// Run is codegenapp version.
func (*versionCommand) Run(s streams) error {
	_, err := fmt.Fprintln(s.out, version())
	return err
}

func version() string {
	b := server.BuildVersion()
	return fmt.Sprintf("codegenapp %s (commit %s, %s)", b.Version, b.Commit, b.Go)
}
