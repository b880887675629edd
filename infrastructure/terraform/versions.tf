terraform {
  required_version = ">= 1.11.0" # write-only arguments: passwords that never reach the state

  # Exact versions: the arguments in this folder were checked against these.
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "7.45.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "3.9.0"
    }
  }

  # The bucket is named at "terraform init", one for each environment.
  backend "gcs" {
    prefix = "codegenapp"
  }
}

provider "google" {
  project = var.project_id
  region  = var.region

  # APIs that charge a quota, such as Identity Platform's, charge this project.
  billing_project       = var.project_id
  user_project_override = true

  default_labels = {
    application = local.name
    environment = var.environment
  }
}
