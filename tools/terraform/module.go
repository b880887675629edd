// Package terraform reads a Terraform configuration and reports inconsistencies: dangling
// references, variables that are unused or not set, values that a validation rejects,
// secrets in plain text.
//
// It knows the language, but no provider: only "terraform validate" checks the arguments
// of resources. That command needs the providers from a registry on the internet, so a
// machine without it cannot run it. Hence this package.
package terraform

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// module is a folder of .tf files.
type module struct {
	dir    string
	blocks []*hclsyntax.Block
	// declared holds what can be referred to, as references write it: "var.region",
	// "google_redis_instance.this"; and outputs, as "output.region".
	declared map[string]hcl.Range
	locals   map[string]hcl.Expression

	problems
}

// problems are sentences, each with the place it speaks of.
type problems []string

func (p *problems) add(where hcl.Range, format string, args ...any) {
	*p = append(*p, fmt.Sprintf("%s:%d: %s", filepath.Base(where.Filename), where.Start.Line, fmt.Sprintf(format, args...)))
}

// Check returns what is wrong with the configuration in a folder and with the
// values of its environments/*.tfvars.
func Check(dir string) ([]string, error) {
	m, err := load(dir)
	if err != nil {
		return nil, err
	}
	m.checkReferences()
	m.checkVariables()
	m.checkOutputs()
	m.checkSecrets()
	environments, err := filepath.Glob(filepath.Join(dir, "environments", "*.tfvars"))
	if err != nil {
		return nil, err
	}
	for _, path := range environments {
		if err := m.checkEnvironment(path); err != nil {
			return nil, err
		}
	}
	slices.Sort(m.problems)
	return m.problems, nil
}

func load(dir string) (*module, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there is no .tf file in %s", dir)
	}
	m := &module{dir: dir, declared: map[string]hcl.Range{}, locals: map[string]hcl.Expression{}}
	for _, path := range paths {
		body, err := parse(path)
		if err != nil {
			return nil, err
		}
		for _, block := range body.Blocks {
			if m.declare(block) {
				m.blocks = append(m.blocks, block)
			}
		}
	}
	return m, nil
}

func parse(path string) (*hclsyntax.Body, error) {
	file, diags := hclparse.NewParser().ParseHCLFile(path)
	if diags.HasErrors() {
		return nil, diags
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return nil, fmt.Errorf("%s is not in HCL's native syntax", path)
	}
	return body, nil
}

// declare notes what a block declares. It reports whether the block has as many
// labels as its type wants.
func (m *module) declare(block *hclsyntax.Block) bool {
	prefix, labels := block.Type+".", 1
	switch block.Type {
	case "variable":
		prefix = "var."
	case "output", "module":
	case "data", "ephemeral":
		labels = 2
	case "resource":
		prefix, labels = "", 2
	case "locals":
		for _, attribute := range sorted(block.Body.Attributes) {
			m.declareName("local."+attribute.Name, attribute.Range())
			m.locals[attribute.Name] = attribute.Expr
		}
		return true
	default:
		return true
	}
	if len(block.Labels) != labels {
		m.add(block.Range(), "A %s block has labels: %d. This one has %d.", block.Type, labels, len(block.Labels))
		return false
	}
	m.declareName(prefix+strings.Join(block.Labels, "."), block.Range())
	return true
}

func (m *module) declareName(name string, where hcl.Range) {
	if first, again := m.declared[name]; again {
		m.add(where, "%s is declared a second time, after %s:%d.", name, filepath.Base(first.Filename), first.Start.Line)
		return
	}
	m.declared[name] = where
}

// sorted returns attributes in the order of their names, so that problems come in
// the same order each time.
func sorted(attributes hclsyntax.Attributes) []*hclsyntax.Attribute {
	ordered := make([]*hclsyntax.Attribute, 0, len(attributes))
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		ordered = append(ordered, attributes[name])
	}
	return ordered
}

// of returns the blocks of one type.
func (m *module) of(kind string) []*hclsyntax.Block {
	var found []*hclsyntax.Block
	for _, block := range m.blocks {
		if block.Type == kind {
			found = append(found, block)
		}
	}
	return found
}
