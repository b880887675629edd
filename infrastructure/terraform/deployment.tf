# GitHub's workflows authenticate with a token that lives for minutes, so there is no
# service account key that could leak. A token counts only if it is of this
# repository and of a job in the GitHub environment of this name, so that
# environment's reviewers decide who deploys. The repository is known by its number:
# once it is renamed or deleted, another one can get its name.
#
# The branch or tag is compared here too, in case the environment's own rule is missing.
locals {
  deployable = {
    prod    = "assertion.ref == 'refs/heads/main'"
    staging = "(assertion.ref == 'refs/heads/main' || assertion.ref.startsWith('refs/tags/v'))"
  }
}

resource "google_iam_workload_identity_pool" "github" {
  workload_identity_pool_id = "github"
  display_name              = "GitHub Actions"

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"

  attribute_mapping = {
    "google.subject" = "assertion.sub"
  }

  attribute_condition = "assertion.repository_id == '${var.github_repository_id}' && assertion.environment == '${var.environment}' && ${local.deployable[var.environment]}"

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account" "deployer" {
  account_id   = "${local.name}-deployer"
  display_name = "Deployment from GitHub Actions"

  depends_on = [google_project_service.this]
}

resource "google_service_account_iam_member" "deployer" {
  service_account_id = google_service_account.deployer.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}/*"
}

resource "google_artifact_registry_repository_iam_member" "deployer" {
  repository = google_artifact_registry_repository.this.name
  location   = google_artifact_registry_repository.this.location
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.deployer.member
}

# May change what runs in the cluster, and not the cluster.
resource "google_project_iam_member" "deployer" {
  project = var.project_id
  role    = "roles/container.developer"
  member  = google_service_account.deployer.member
}
