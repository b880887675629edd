package devserver

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// exampleFile is the file of the data directory that says that the example was created:
// it is not created again after the user has deleted it.
const exampleFile = "example"

// examples are the texts of the example project: project.md is the project, the others
// are its specifications. A line --- begins an item.
//
//go:embed example/*.md
var examples embed.FS

// titled is what createExample reads of a project.
type titled struct {
	Title string `json:"title"`
}

// createExample creates the example project at the first start, for a user without
// other projects. A start that was interrupted here continues at the next one: the
// idempotency keys are the same.
func (d *devServer) createExample(ctx context.Context, token string) error {
	marker := filepath.Join(d.dir, exampleFile)
	if _, err := os.Stat(marker); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	c := newClient(d.listeners.reachableURL() + "/api/v1")
	c.token = token
	title, description := exampleProject()
	var own struct {
		Projects []titled `json:"projects"`
	}
	if err := c.call(ctx, "GET /projects", nil, &own); err != nil {
		return err
	}
	if !slices.ContainsFunc(own.Projects, func(p titled) bool { return p.Title != title }) {
		if err := c.writeExample(ctx, title, description); err != nil {
			return fmt.Errorf("create the example project: %w", err)
		}
	}
	return writePrivate(marker, "created at the first start; without this file, the next start creates it")
}

// writeExample creates the project and its specifications with their items.
func (c client) writeExample(ctx context.Context, title, description string) error {
	var project struct {
		ID string `json:"id"`
	}
	body := map[string]any{"title": title, "description": description}
	if err := c.call(ctx, "POST /projects", body, &project, "Idempotency-Key", "example"); err != nil {
		return err
	}
	for _, name := range exampleNames() {
		content, items := exampleSpecification(name)
		body := map[string]any{"content": content, "items": items}
		if err := c.call(ctx, "POST /projects/"+project.ID+"/specs", body, nil, "Idempotency-Key", "example-"+name); err != nil {
			return err
		}
	}
	return nil
}

// exampleProject returns title and description of the example: the first line of its
// file, and the rest.
func exampleProject() (title, description string) {
	title, description, _ = strings.Cut(exampleText("project"), "\n")
	return title, strings.TrimSpace(description)
}

// exampleNames are the names of the specifications, in their order.
func exampleNames() []string { return []string{"1-workspace", "2-borrowing", "3-reminders"} }

// exampleSpecification returns the content of a specification and of its items.
func exampleSpecification(name string) (content string, items []map[string]string) {
	content, rest, _ := strings.Cut(exampleText(name), "\n---\n")
	for item := range strings.SplitSeq(rest, "\n---\n") {
		items = append(items, map[string]string{"content": item})
	}
	return content, items
}

// exampleText is the text of a file of the example.
func exampleText(name string) string {
	text, err := examples.ReadFile("example/" + name + ".md")
	if err != nil {
		panic(fmt.Sprintf("read the example: %v", err)) // it is embedded
	}
	return strings.TrimSpace(string(text))
}
