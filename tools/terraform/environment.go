package terraform

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions are those of Terraform's that conditions use. A condition that calls
// another one cannot be evaluated, which is a problem that names it.
var functions = map[string]function.Function{
	"alltrue":  allTrue,
	"can":      tryfunc.CanFunc,
	"contains": stdlib.ContainsFunc,
	"length":   stdlib.LengthFunc,
	"regex":    stdlib.RegexFunc,
}

var allTrue = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
	Type:   function.StaticReturnType(cty.Bool),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		for _, value := range args[0].AsValueSlice() {
			if value.False() {
				return cty.False, nil
			}
		}
		return cty.True, nil
	},
})

// checkEnvironment compares a file of values with the variables that are declared,
// and evaluates each validation and precondition with them.
func (m *module) checkEnvironment(path string) error {
	body, err := parse(path)
	if err != nil {
		return err
	}
	m.secretsIn(body)
	for _, attribute := range sorted(body.Attributes) {
		if _, ok := m.declared["var."+attribute.Name]; !ok {
			m.add(attribute.Range(), "No variable has the name %s.", attribute.Name)
		}
	}
	variables := map[string]cty.Value{}
	for _, block := range m.of("variable") {
		variables[block.Labels[0]] = m.value(block, body)
	}
	m.checkConditions(body.Range(), variables)
	return nil
}

// value returns what a variable is in an environment: as that says, or its default.
func (m *module) value(variable *hclsyntax.Block, environment *hclsyntax.Body) cty.Value {
	name := variable.Labels[0]
	attribute := environment.Attributes[name]
	if attribute == nil {
		attribute = variable.Body.Attributes["default"]
	}
	if attribute == nil {
		m.add(environment.Range(), "It does not set %s, which has no default.", name)
		return cty.DynamicVal
	}
	value, diags := attribute.Expr.Value(nil)
	if diags.HasErrors() {
		m.add(attribute.Range(), "%s is no plain value.", name)
		return cty.DynamicVal
	}
	declared := variable.Body.Attributes["type"]
	if declared == nil {
		return value
	}
	kind, diags := typeexpr.TypeConstraint(declared.Expr)
	if diags.HasErrors() {
		m.add(declared.Range(), "This is no type.")
		return value
	}
	converted, err := convert.Convert(value, kind)
	if err != nil {
		m.add(attribute.Range(), "%s does not have the type of the variable: %v.", name, err)
		return cty.UnknownVal(kind)
	}
	return converted
}

// checkConditions evaluates what speaks only of variables and of locals that do;
// what depends on a resource only a plan can tell.
func (m *module) checkConditions(environment hcl.Range, variables map[string]cty.Value) {
	scope := &hcl.EvalContext{Functions: functions, Variables: map[string]cty.Value{
		"var":   cty.ObjectVal(variables),
		"local": m.evaluated(variables),
	}}
	for _, block := range m.blocks {
		for _, condition := range conditions(block) {
			m.checkCondition(environment, condition.Body, scope)
		}
	}
}

func (m *module) checkCondition(environment hcl.Range, body *hclsyntax.Body, scope *hcl.EvalContext) {
	condition, message := body.Attributes["condition"], body.Attributes["error_message"]
	if condition == nil || message == nil {
		m.add(body.Range(), "A condition has a condition and an error_message.")
		return
	}
	result, diags := condition.Expr.Value(scope)
	if diags.HasErrors() {
		m.add(condition.Range(), "The condition cannot be evaluated: %s", diags[0].Detail)
		return
	}
	if !result.IsKnown() || result.True() {
		return
	}
	if said, _ := message.Expr.Value(scope); said.IsKnown() && said.Type() == cty.String {
		m.add(environment, "%s", said.AsString())
	} else {
		m.add(environment, "The condition at %s does not hold.", condition.Range())
	}
}

// conditions returns the validations of a variable, the preconditions of anything else.
func conditions(block *hclsyntax.Block) []*hclsyntax.Block {
	var found []*hclsyntax.Block
	for _, inner := range block.Body.Blocks {
		switch inner.Type {
		case "validation", "precondition":
			found = append(found, inner)
		case "lifecycle":
			found = append(found, conditions(inner)...)
		}
	}
	return found
}

// evaluated returns the locals that depend on variables and on one another alone.
func (m *module) evaluated(variables map[string]cty.Value) cty.Value {
	locals := map[string]cty.Value{}
	for before := -1; len(locals) > before; {
		before = len(locals)
		scope := &hcl.EvalContext{Functions: functions, Variables: map[string]cty.Value{
			"var": cty.ObjectVal(variables), "local": cty.ObjectVal(locals),
		}}
		for _, name := range slices.Sorted(maps.Keys(m.locals)) {
			if value, diags := m.locals[name].Value(scope); !diags.HasErrors() {
				locals[name] = value
			}
		}
	}
	return cty.ObjectVal(locals)
}
