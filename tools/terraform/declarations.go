package terraform

import (
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// checkVariables wants each variable to say what it is.
func (m *module) checkVariables() {
	for _, block := range m.of("variable") {
		if block.Body.Attributes["type"] == nil {
			m.add(block.Range(), "var.%s has no type.", block.Labels[0])
		}
		if text(block.Body.Attributes["description"]) == "" {
			m.add(block.Range(), "var.%s has no description.", block.Labels[0])
		}
	}
}

func (m *module) checkOutputs() {
	for _, block := range m.of("output") {
		if text(block.Body.Attributes["description"]) == "" {
			m.add(block.Range(), "output.%s has no description.", block.Labels[0])
		}
		if block.Body.Attributes["value"] == nil {
			m.add(block.Range(), "output.%s has no value.", block.Labels[0])
		}
	}
}

// text returns the value of an attribute that is a plain string, and else "".
func text(attribute *hclsyntax.Attribute) string {
	if attribute == nil {
		return ""
	}
	value, diags := attribute.Expr.Value(nil)
	if diags.HasErrors() || value.IsNull() || value.Type() != cty.String {
		return ""
	}
	return value.AsString()
}

var (
	secretName = regexp.MustCompile(`(?i)(password|passphrase|secret_data|client_secret|token|private_key|api_key|auth_string)(_wo)?$`)
	// Keys in PEM, and credentials in URLs.
	secretText = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY|://[^/:@\s]*:[^/@\s]+@`)
)

// checkSecrets finds secrets that are written down, and passwords that would be
// copied into the state although there is a way around it.
func (m *module) checkSecrets() {
	for _, block := range m.blocks {
		m.secretsIn(block.Body)
	}
}

func (m *module) secretsIn(body *hclsyntax.Body) {
	for _, attribute := range sorted(body.Attributes) {
		if secretName.MatchString(attribute.Name) && text(attribute) != "" {
			m.add(attribute.Range(), "%s is written down here; make it with an ephemeral resource, and keep it in Secret Manager.", attribute.Name)
		}
		if attribute.Name == "password" {
			m.add(attribute.Range(), "password is kept in the state; use password_wo.")
		}
		if secretText.MatchString(literals(attribute.Expr)) {
			m.add(attribute.Range(), "%s holds what looks like a key or a password.", attribute.Name)
		}
	}
	for _, block := range body.Blocks {
		m.secretsIn(block.Body)
	}
}

// literals returns what an expression says literally. A space stands for each gap,
// as what is filled in there is nothing that is written down.
func literals(expression hclsyntax.Expression) string {
	var all strings.Builder
	_ = hclsyntax.VisitAll(expression, func(node hclsyntax.Node) hcl.Diagnostics {
		if literal, ok := node.(*hclsyntax.LiteralValueExpr); ok && literal.Val.Type() == cty.String && !literal.Val.IsNull() {
			all.WriteString(literal.Val.AsString())
		}
		all.WriteByte(' ')
		return nil
	})
	return all.String()
}
