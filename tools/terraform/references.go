package terraform

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// reader follows references, and notes what is referred to.
type reader struct {
	*module

	used    map[string]bool
	outputs map[string]*module // of the modules that are called, by name
}

func (m *module) checkReferences() {
	r := reader{module: m, used: map[string]bool{}, outputs: map[string]*module{}}
	for _, block := range m.of("module") {
		r.call(block)
	}
	for _, block := range m.blocks {
		r.block(block)
	}
	for name, where := range m.declared {
		kind, _, _ := strings.Cut(name, ".")
		if slices.Contains([]string{"var", "local", "data", "ephemeral"}, kind) && !r.used[name] {
			m.add(where, "%s is declared, and nothing refers to it.", name)
		}
	}
}

func (r *reader) block(block *hclsyntax.Block) {
	if block.Type == "variable" {
		// Its type is made of words that only look like references, and that a
		// variable's own validation speaks of it is no use of it.
		name := "var." + block.Labels[0]
		elsewhere := r.used[name]
		r.body(&hclsyntax.Body{Blocks: block.Body.Blocks}, nil)
		r.used[name] = elsewhere
		return
	}
	known := []string{"path", "terraform"}
	for attribute, name := range map[string]string{"for_each": "each", "count": "count"} {
		if block.Body.Attributes[attribute] != nil {
			known = append(known, name)
		}
	}
	r.body(block.Body, known)
}

// body reads a block's attributes and the blocks in it. Known are the names that
// mean something there beside what is declared.
func (r *reader) body(body *hclsyntax.Body, known []string) {
	for _, attribute := range sorted(body.Attributes) {
		if attribute.Name == "ignore_changes" { // names of attributes, not references
			continue
		}
		for _, traversal := range attribute.Expr.Variables() {
			if !slices.Contains(known, traversal.RootName()) {
				r.follow(traversal)
			}
		}
	}
	for _, block := range body.Blocks {
		inside := known
		if block.Type == "dynamic" && len(block.Labels) == 1 {
			inside = append(slices.Clone(known), iterator(block))
		}
		r.body(block.Body, inside)
	}
}

// iterator returns the name by which the content of a dynamic block knows its item.
func iterator(block *hclsyntax.Block) string {
	if attribute := block.Body.Attributes["iterator"]; attribute != nil {
		return hcl.ExprAsKeyword(attribute.Expr)
	}
	return block.Labels[0]
}

func (r *reader) follow(traversal hcl.Traversal) {
	names := attributes(traversal)
	length := 2 // var.region, google_redis_instance.this
	if names[0] == "data" || names[0] == "ephemeral" {
		length = 3
	}
	if len(names) < length {
		r.add(traversal.SourceRange(), "%s refers to nothing: it is too short.", strings.Join(names, "."))
		return
	}
	name := strings.Join(names[:length], ".")
	r.used[name] = true
	if _, ok := r.declared[name]; !ok {
		r.add(traversal.SourceRange(), "%s is not declared.", name)
		return
	}
	if child := r.outputs[name]; child != nil && len(names) > length {
		if _, ok := child.declared["output."+names[length]]; !ok {
			r.add(traversal.SourceRange(), "%s has no output %s.", name, names[length])
		}
	}
}

// attributes returns the names that a reference goes through, as far as it has no
// index.
func attributes(traversal hcl.Traversal) []string {
	names := []string{traversal.RootName()}
	for _, step := range traversal[1:] {
		attribute, ok := step.(hcl.TraverseAttr)
		if !ok {
			break
		}
		names = append(names, attribute.Name)
	}
	return names
}

// call compares what a module is given with the variables it declares.
func (r *reader) call(block *hclsyntax.Block) {
	source := text(block.Body.Attributes["source"])
	if !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") {
		r.add(block.Range(), "The source of a module is a folder of this repository, as ./network.")
		return
	}
	child, err := load(filepath.Join(r.dir, source))
	if err != nil {
		r.add(block.Range(), "The module %s cannot be read: %v.", source, err)
		return
	}
	r.outputs["module."+block.Labels[0]] = child
	for _, attribute := range sorted(block.Body.Attributes) {
		if slices.Contains([]string{"source", "providers", "count", "for_each", "depends_on"}, attribute.Name) {
			continue
		}
		if _, ok := child.declared["var."+attribute.Name]; !ok {
			r.add(attribute.Range(), "The module %s has no variable %s.", source, attribute.Name)
		}
	}
	for _, variable := range child.of("variable") {
		given := block.Body.Attributes[variable.Labels[0]] != nil
		if !given && variable.Body.Attributes["default"] == nil {
			r.add(block.Range(), "The module %s needs %s.", source, variable.Labels[0])
		}
	}
}
