package terraform

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// whole is a configuration without fault, that the cases break.
var whole = map[string]string{
	"variables.tf": `variable "size" {
  description = "How large."
  type        = number
  validation {
    condition     = var.size > 0
    error_message = "The size is above nothing."
  }
}`,
	"main.tf": `locals {
  twice = 2 * var.size
}
resource "disk" "this" {
  for_each = toset(["a"])
  name     = each.value
  dynamic "part" {
    for_each = [for size in [local.twice] : size]
    content {
      size = part.value
    }
  }
  lifecycle {
    precondition {
      condition     = local.twice <= 20
      error_message = "Twice ${var.size} does not fit."
    }
  }
}
module "shelf" {
  source = "./shelf"
  depth  = disk.this["a"].size
}
output "shelf" {
  description = "Where it stands."
  value       = module.shelf.place
}`,
	"shelf/main.tf": `variable "depth" {
  description = "How deep."
  type        = number
}
output "place" {
  description = "Where."
  value       = var.depth
}`,
	"environments/prod.tfvars": `size = 10`,
}

func TestCheck_FindsMismatches(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		file, text string
		want       []string
	}{
		"nothing": {file: "more.tf"},
		"an undeclared variable": {
			"more.tf", `resource "disk" "b" { size = var.sise }`,
			[]string{"more.tf:1: var.sise is not declared."},
		},
		"an undeclared resource": {
			"more.tf", `resource "disk" "b" { size = "${disk.those["a"].size} GB" }`,
			[]string{"more.tf:1: disk.those is not declared."},
		},
		"an undeclared type": {
			"more.tf", `resource "disk" "b" { type = disk.those.type }`,
			[]string{"more.tf:1: disk.those is not declared."},
		},
		"a validation of something else": {
			"more.tf", "variable \"b\" {\n  description = \"B.\"\n  type = number\n  default = 1\n  validation {\n    condition = var.c > 0\n    error_message = \"No.\"\n  }\n}\noutput \"b\" {\n  description = \"B.\"\n  value = var.b\n}",
			[]string{"more.tf:6: The condition cannot be evaluated: This object does not have an attribute named \"c\".", "more.tf:6: var.c is not declared."},
		},
		"undeclared data in depends_on": {
			"more.tf", `resource "disk" "b" { depends_on = [data.disk.c] }`,
			[]string{"more.tf:1: data.disk.c is not declared."},
		},
		"each without for_each": {
			"more.tf", `resource "disk" "b" { size = each.value }`,
			[]string{"more.tf:1: each.value is not declared."},
		},
		"an item outside of its dynamic block": {
			"more.tf", `resource "disk" "b" { size = part.value }`,
			[]string{"more.tf:1: part.value is not declared."},
		},
		"an output that the module lacks": {
			"more.tf", "output \"b\" {\n  description = \"B.\"\n  value = module.shelf.colour\n}",
			[]string{"more.tf:3: module.shelf has no output colour."},
		},
		"an input that the module lacks, and one that it needs": {
			"more.tf", "module \"b\" {\n  source = \"./shelf\"\n  width = 1\n}",
			[]string{"more.tf:1: The module ./shelf needs depth.", "more.tf:3: The module ./shelf has no variable width."},
		},
		"a module from elsewhere": {
			"more.tf", `module "b" { source = "example/shelf/disk" }`,
			[]string{"more.tf:1: The source of a module is a folder of this repository, as ./network."},
		},
		"unused declarations": {
			"more.tf", "locals {\n  b = 1\n}\ndata \"disk\" \"b\" {}",
			[]string{"more.tf:2: local.b is declared, and nothing refers to it.", "more.tf:4: data.disk.b is declared, and nothing refers to it."},
		},
		"a variable of which only its own validation speaks": {
			"more.tf", "variable \"b\" {\n  description = \"B.\"\n  type = number\n  default = 1\n  validation {\n    condition = var.b > 0\n    error_message = \"No.\"\n  }\n}",
			[]string{"more.tf:1: var.b is declared, and nothing refers to it."},
		},
		"a name twice": {
			"more.tf", `resource "disk" "this" {}`,
			[]string{"more.tf:1: disk.this is declared a second time, after main.tf:4."},
		},
		"a block without its label": {
			"more.tf", `resource "disk" {}`,
			[]string{"more.tf:1: A resource block has labels: 2. This one has 1."},
		},
		"a variable and an output that say nothing": {
			"more.tf", "variable \"b\" { default = 1 }\noutput \"b\" { value = var.b }",
			[]string{"more.tf:1: var.b has no description.", "more.tf:1: var.b has no type.", "more.tf:2: output.b has no description."},
		},
		"a password": {
			"more.tf", `resource "user" "b" { password_wo = "hunter2" }`,
			[]string{"more.tf:1: password_wo is written down here; make it with an ephemeral resource, and keep it in Secret Manager."},
		},
		"a password that the state would keep": {
			"more.tf", `resource "user" "b" { password = disk.this["a"].id }`,
			[]string{"more.tf:1: password is kept in the state; use password_wo."},
		},
		"a password in a URL": {
			"more.tf", `resource "user" "b" { url = "postgres://ann:hunter2@db" }`,
			[]string{"more.tf:1: url holds what looks like a key or a password."},
		},
		"a URL whose password is filled in": {
			"more.tf", `resource "user" "b" { url = "postgres://ann:${disk.this["a"].id}@db" }`, nil,
		},
		"values without a variable, and a variable without a value": {
			"environments/prod.tfvars", `sise = 10`,
			[]string{"prod.tfvars:1: It does not set size, which has no default.", "prod.tfvars:1: No variable has the name sise."},
		},
		"a value of another type": {
			"environments/prod.tfvars", `size = "large"`,
			[]string{"prod.tfvars:1: size does not have the type of the variable: a number is required."},
		},
		"a value that a validation refuses": {
			"environments/prod.tfvars", `size = 0`,
			[]string{"prod.tfvars:1: The size is above nothing."},
		},
		"a value that a precondition refuses": {
			"environments/prod.tfvars", `size = 11`,
			[]string{"prod.tfvars:1: Twice 11 does not fit."},
		},
		"a secret among the values": {
			"environments/prod.tfvars", "size = 1\napi_key = \"k\"",
			[]string{
				"prod.tfvars:2: No variable has the name api_key.",
				"prod.tfvars:2: api_key is written down here; make it with an ephemeral resource, and keep it in Secret Manager.",
			},
		},
		"a condition beyond what is evaluated here": {
			"more.tf", "resource \"disk\" \"b\" {\n  lifecycle {\n    precondition {\n      condition = startswith(\"a\", \"b\")\n      error_message = \"No.\"\n    }\n  }\n}",
			[]string{`more.tf:4: The condition cannot be evaluated: There is no function named "startswith".`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for path, text := range whole {
				write(t, filepath.Join(dir, path), text)
			}
			write(t, filepath.Join(dir, tc.file), tc.text)
			got, err := Check(dir)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheck_ReportsUnreadableFiles(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"no configuration":       {"notes.md": "None."},
		"a file that is no HCL":  {"main.tf": "resource {"},
		"values that are no HCL": {"main.tf": "", "environments/prod.tfvars": "size ="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for path, text := range files {
				write(t, filepath.Join(dir, path), text)
			}
			if found, err := Check(dir); err == nil {
				t.Errorf("got %q, want an error", found)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
