package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The reference would be worth nothing if it sent other statements. It may not
// import those of the product, so this reads them in its source.
func TestTheStatementsAreThoseOfTheProduct(t *testing.T) {
	t.Parallel()
	const source = "../../internal/postgres"
	product := map[string]string{}
	for _, pattern := range []string{source + "/internal/db/*.sql.go", source + "/confine.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("there is nothing at %s: %v", pattern, err)
		}
		for _, file := range files {
			constants(t, file, product)
		}
	}
	for name, statement := range map[string]string{
		"confineToSession":    confineSQL,
		"getSpecification":    getSpecificationSQL,
		"listItems":           listItemsSQL,
		"getProject":          getProjectSQL,
		"lockSpecification":   lockSpecificationSQL,
		"lockProject":         lockProjectSQL,
		"insertItem":          insertItemSQL,
		"updateItemList":      updateItemListSQL,
		"insertSpecification": insertSpecificationSQL,
		"updateSpecification": updateSpecificationSQL,
		"countSpecification":  countSpecificationSQL,
	} {
		theirs, found := product[name]
		if !found {
			t.Errorf("%s has no constant %s any more; see what it sends now, and let the reference send the same", source, name)
		} else if got, want := plain(statement), plain(theirs); got != want {
			t.Errorf("the reference does not send what the product does. Copy it to sql.go, with what reads it.\n%s: %s\nreference: %s", name, want, got)
		}
	}
}

// constants adds the strings of the file's constants to known. One may be put
// together from others before it.
func constants(t *testing.T, file string, known map[string]string) {
	t.Helper()
	syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	type pending struct {
		name string
		expr ast.Expr
	}
	var all []pending
	ast.Inspect(syntax, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Names) == len(spec.Values) {
			for n, name := range spec.Names {
				all = append(all, pending{name.Name, spec.Values[n]})
			}
		}
		return true
	})
	for range all { // as often as one can wait for another
		for _, p := range all {
			if text, ok := value(p.expr, known); ok {
				known[p.name] = text
			}
		}
	}
}

func value(e ast.Expr, known map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		text, ok := known[e.Name]
		return text, ok
	case *ast.BinaryExpr:
		left, ok := value(e.X, known)
		right, also := value(e.Y, known)
		return left + right, ok && also && e.Op == token.ADD
	}
	return "", false
}

// plain is a statement without comments and with single spaces.
func plain(statement string) string {
	var words []string
	for line := range strings.Lines(statement) {
		line, _, _ = strings.Cut(line, "--")
		words = append(words, strings.Fields(line)...)
	}
	return strings.Join(words, " ")
}
