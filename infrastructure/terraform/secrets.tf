# Every secret setting of the service is a secret here, mounted as a file by the
# Kubernetes overlay (NAME_FILE). Values are in neither the repository nor, except
# Redis's, the state; README.md lists which are generated here and which by hand.
locals {
  # The readers of each secret: Kubernetes service accounts in the environment's namespace.
  secrets = {
    database-ca               = ["backend", "migrate"]
    database-url              = ["backend", "migrate"]
    google-client-secret      = ["backend"]
    jwt-previous-secret-keys  = ["backend"]
    jwt-secret-key            = ["backend"]
    migration-database-url    = ["migrate"]
    redis-ca                  = ["backend"]
    redis-url                 = ["backend"]
    secret-key                = ["backend"]
    database-owner-password   = []
    database-service-password = []
  }

  secret_readers = merge([
    for secret, accounts in local.secrets : {
      for account in accounts : "${secret}/${account}" => { secret = secret, account = account }
    }
  ]...)

  # Where pods find the mounted secrets.
  secrets_path = "/var/run/secrets/codegenapp"

  workload_pool = "principal://iam.googleapis.com/projects/${data.google_project.this.number}/locations/global/workloadIdentityPools/${var.project_id}.svc.id.goog"
}

resource "google_secret_manager_secret" "this" {
  for_each = local.secrets

  secret_id           = each.key
  deletion_protection = var.deletion_protection

  replication {
    auto {}
  }

  depends_on = [google_project_service.this]
}

# The pool of identities exists once the cluster does.
resource "google_secret_manager_secret_iam_member" "reader" {
  for_each = local.secret_readers

  secret_id = google_secret_manager_secret.this[each.value.secret].id
  role      = "roles/secretmanager.secretAccessor"
  member    = "${local.workload_pool}/subject/ns/${var.environment}/sa/${each.value.account}"

  depends_on = [google_container_cluster.this]
}

# Keys begin as random bytes. Later ones are added by a person, in the order that
# docs/operations/signing-keys.md gives. The previous key begins as one that never signed
# anything, since a secret without a version cannot be mounted.
ephemeral "random_bytes" "key" {
  for_each = toset(["jwt-previous-secret-keys", "jwt-secret-key", "secret-key"])

  length = 48
}

resource "google_secret_manager_secret_version" "key" {
  for_each = toset(["jwt-previous-secret-keys", "jwt-secret-key", "secret-key"])

  secret                 = google_secret_manager_secret.this[each.value].id
  secret_data_wo         = ephemeral.random_bytes.key[each.value].base64
  secret_data_wo_version = 1
  deletion_policy        = "DISABLE"
}

# A password is made, kept, and read back where it is used, so that an apply that
# broke off in between goes on with the same one. Without special characters it
# needs no escaping in a URL; 40 of 62 characters are 238 bits.
ephemeral "random_password" "database" {
  for_each = toset(["owner", "service"])

  length  = 40
  special = false
}

resource "google_secret_manager_secret_version" "database_password" {
  for_each = toset(["owner", "service"])

  secret                 = google_secret_manager_secret.this["database-${each.value}-password"].id
  secret_data_wo         = ephemeral.random_password.database[each.value].result
  secret_data_wo_version = var.password_version
  deletion_policy        = "DISABLE"

  lifecycle {
    create_before_destroy = true
  }
}

ephemeral "google_secret_manager_secret_version" "database_password" {
  for_each = google_secret_manager_secret_version.database_password

  secret  = each.value.secret
  version = each.value.version
}

resource "google_secret_manager_secret_version" "database_url" {
  for_each = {
    owner   = "migration-database-url"
    service = "database-url"
  }

  secret = google_secret_manager_secret.this[each.value].id

  secret_data_wo = join("", [
    "postgres://codegenapp_${each.key}:",
    ephemeral.google_secret_manager_secret_version.database_password[each.key].secret_data,
    "@${google_sql_database_instance.this.private_ip_address}:${local.postgres_port}/${google_sql_database.this.name}",
    "?sslmode=verify-ca&sslrootcert=${local.secrets_path}/database-ca",
  ])
  secret_data_wo_version = var.password_version
  deletion_policy        = "DISABLE"

  lifecycle {
    create_before_destroy = true
  }
}

# The instance has its AUTH string as an attribute, so it is in the state in any
# case. Written like this, a new string or address makes a new version by itself.
resource "google_secret_manager_secret_version" "redis_url" {
  secret      = google_secret_manager_secret.this["redis-url"].id
  secret_data = "rediss://:${google_redis_instance.this.auth_string}@${google_redis_instance.this.host}:${google_redis_instance.this.port}/0"

  lifecycle {
    create_before_destroy = true
  }
}

# Authorities are no secrets; they travel with them. All of them, so that the next one
# is trusted before it is used.
data "google_sql_ca_certs" "this" {
  instance = google_sql_database_instance.this.name
}

resource "google_secret_manager_secret_version" "ca" {
  for_each = {
    database-ca = join("\n", data.google_sql_ca_certs.this.certs[*].cert)
    redis-ca    = join("\n", google_redis_instance.this.server_ca_certs[*].cert)
  }

  secret      = google_secret_manager_secret.this[each.key].id
  secret_data = each.value

  lifecycle {
    create_before_destroy = true
  }
}
