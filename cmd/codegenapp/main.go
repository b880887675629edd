// Command codegenapp is the server where requirements live. See README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/codegenapp/codegenapp/internal/server"
)

// Exit statuses.
const (
	exitFailed   = 1
	exitSettings = 2
)

func main() {
	os.Exit(run(untilSignal(os.Interrupt, syscall.SIGTERM), os.Args[1:], os.Stdout, os.Stderr))
}

// untilSignal is done at the first of the signals. By then the second one ends
// the program at once, as it would have done without us.
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

// commands is what the program can do.
type commands struct {
	Dev         devCommand         `cmd:"" help:"Run everything on this machine with nothing installed or set."`
	Serve       serveCommand       `cmd:"" help:"Run the server, from settings alone."`
	Migrate     migrateCommand     `cmd:"" help:"Change the database's schema."`
	Doctor      doctorCommand      `cmd:"" help:"Look at every setting and everything the server stands on, and say what to do."`
	Openapi     openapiCommand     `cmd:"" help:"Print the contract."`
	Healthcheck healthcheckCommand `cmd:"" help:"Exit 0 if the server on this machine is alive, else 1."`
	Version     versionCommand     `cmd:"" help:"Print version, commit and Go version."`
}

type migrateCommand struct {
	Up     migrateUpCommand     `cmd:"" help:"Apply every step that is missing."`
	Down   migrateDownCommand   `cmd:"" help:"Take back the newest step."`
	Status migrateStatusCommand `cmd:"" help:"List the steps and when they were applied."`
	Create migrateCreateCommand `cmd:"" help:"Write the next numbered step, to be filled in."`
}

// streams are where a command prints.
type streams struct{ out, logs io.Writer }

// run parses the arguments, runs one command, and returns the exit status.
func run(ctx context.Context, args []string, out, logs io.Writer) int {
	status := -1
	parser, err := kong.New(&commands{}, kong.Name("codegenapp"), kong.Description("The server where requirements live."),
		kong.Writers(out, logs), kong.Exit(func(s int) { status = s }), kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(streams{out, logs}))
	if err != nil {
		fmt.Fprintln(logs, "codegenapp:", err)
		return exitFailed
	}
	command, err := parser.Parse(args)
	if status >= 0 { // help was asked for, and printed
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
	if err != nil {
		fmt.Fprintln(logs, "codegenapp:", err)
		return exitFailed
	}
	return 0
}

// settings reads them from the environment and from .env in this directory. What
// is wrong with them is told by the command that needs them.
func settings() *server.Settings {
	s, _ := server.Load(os.Environ(), ".env") // ForServe and ForMigrate repeat what it says
	return s
}

type devCommand struct {
	Data string `help:"Where data is kept between starts." default:".codegenapp" type:"path" placeholder:"DIR"`
}

// Run is codegenapp dev.
func (c *devCommand) Run(ctx context.Context, s streams) error {
	return server.Dev(ctx, os.Environ(), c.Data, s.out, s.logs)
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
	Name string `arg:"" help:"What the step does, in lower case with underscores."`
}

// Run is codegenapp migrate create.
func (c *migrateCreateCommand) Run(s streams) error {
	return server.MigrateCreate(c.Name, s.out)
}

type openapiCommand struct {
	YAML bool `help:"Print YAML instead of JSON." name:"yaml"`
}

// Run is codegenapp openapi.
func (c *openapiCommand) Run(s streams) error { return server.Contract(s.out, c.YAML) }

type doctorCommand struct{}

// Run is codegenapp doctor.
func (*doctorCommand) Run(ctx context.Context, s streams) error {
	return server.Doctor(ctx, settings(), s.out)
}

type healthcheckCommand struct{}

// Run is codegenapp healthcheck.
func (*healthcheckCommand) Run(ctx context.Context) error {
	return server.Healthcheck(ctx, settings())
}

type versionCommand struct{}

// Run is codegenapp version.
func (*versionCommand) Run(s streams) error {
	b := server.BuildVersion()
	_, err := fmt.Fprintf(s.out, "codegenapp %s (commit %s, %s)\n", b.Version, b.Commit, b.Go)
	return err
}
