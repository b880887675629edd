# What the Kubernetes overlays and the workflows need. None of it is secret.

output "cluster" {
  description = "The cluster: gcloud container clusters get-credentials <name> --location=<location> --dns-endpoint."
  value       = { name = google_container_cluster.this.name, location = google_container_cluster.this.location }
}

output "image_repository" {
  description = "Where images are pushed and pulled; the image is <repository>/backend@sha256:…"
  value       = "${google_artifact_registry_repository.this.location}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.this.repository_id}"
}

output "gateway" {
  description = "What the Gateway names: its address, its map of certificates, its TLS policy, and its host."
  value = {
    address_name    = google_compute_global_address.gateway.name
    address         = google_compute_global_address.gateway.address
    certificate_map = google_certificate_manager_certificate_map.this.name
    ssl_policy      = google_compute_ssl_policy.this.name
    host            = var.domain
  }
}

output "trusted_proxies" {
  description = "TRUSTED_PROXIES of the service: where Google's load balancer calls from, and the address it adds."
  value       = "130.211.0.0/22,35.191.0.0/16,${google_compute_global_address.gateway.address}"
}

output "stores" {
  description = "For the NetworkPolicy: the addresses of database and Redis, and their ports."
  value = {
    cidr          = local.stores_cidr
    database      = google_sql_database_instance.this.private_ip_address
    database_port = local.postgres_port
    redis         = google_redis_instance.this.host
    redis_port    = google_redis_instance.this.port
  }
}

output "secrets" {
  description = "The secrets by name, as a SecretProviderClass takes them."
  value       = { for name, secret in google_secret_manager_secret.this : name => "${secret.name}/versions/latest" }
}

output "secrets_path" {
  description = "Where the overlay mounts secrets: database URLs name the certificate there."
  value       = local.secrets_path
}

output "database_connections" {
  description = "How many connections the service could need at most, of how many there are."
  value       = { needed = local.connections_needed, max = var.database_max_connections }
}

output "database_instance" {
  description = "The instance, for gcloud sql backups and clones."
  value       = google_sql_database_instance.this.name
}

output "name_servers" {
  description = "The NS records by which the parent zone delegates the host name."
  value       = google_dns_managed_zone.this.name_servers
}

output "workload_identity_provider" {
  description = "For google-github-actions/auth: workload_identity_provider."
  value       = google_iam_workload_identity_pool_provider.github.name
}

output "deployer" {
  description = "For google-github-actions/auth: service_account."
  value       = google_service_account.deployer.email
}
