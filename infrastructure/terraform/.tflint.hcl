config {
  call_module_type = "local"
}

# Every rule that tflint brings. Those of the provider would have to be downloaded.
plugin "terraform" {
  enabled = true
  preset  = "all"
}

# Files are named by what is in them, not main.tf.
rule "terraform_standard_module_structure" {
  enabled = false
}
