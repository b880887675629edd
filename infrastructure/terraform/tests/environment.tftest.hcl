# What has to hold for either environment:
#
#   terraform test -var-file=environments/prod.tfvars
#
# Only plans are made. They are of a project that does not exist yet, so nothing is
# asked of Google and any token will do. Mocks know no ephemeral resources.

provider "google" {
  project      = var.project_id
  region       = "europe-west1"
  access_token = "none"
}

run "stores_are_private" {
  command = plan

  assert {
    condition     = google_sql_database_instance.this.settings[0].ip_configuration[0].ipv4_enabled == false
    error_message = "The database has a public address."
  }

  assert {
    condition     = google_sql_database_instance.this.settings[0].ip_configuration[0].ssl_mode == "ENCRYPTED_ONLY"
    error_message = "The database talks in the clear."
  }

  assert {
    condition     = google_redis_instance.this.auth_enabled && google_redis_instance.this.transit_encryption_mode == "SERVER_AUTHENTICATION"
    error_message = "Redis wants no password, or talks in the clear."
  }

  assert {
    condition     = google_compute_firewall.stores_from_nowhere.destination_ranges == google_compute_firewall.stores_from_cluster.destination_ranges && google_compute_firewall.stores_from_nowhere.priority > google_compute_firewall.stores_from_cluster.priority
    error_message = "What is not of the cluster reaches the stores."
  }
}

run "data_survive" {
  command = plan

  assert {
    condition     = google_sql_database_instance.this.settings[0].backup_configuration[0].enabled && google_sql_database_instance.this.settings[0].backup_configuration[0].point_in_time_recovery_enabled
    error_message = "The database cannot be recovered to a point in time."
  }

  assert {
    condition     = var.environment != "prod" || google_sql_database_instance.this.settings[0].availability_type == "REGIONAL"
    error_message = "The database of prod has no standby."
  }

  assert {
    condition     = var.environment != "prod" || (google_sql_database_instance.this.deletion_protection && google_sql_database_instance.this.settings[0].deletion_protection_enabled)
    error_message = "The database of prod can be deleted."
  }
}

run "more_replicas_than_connections" {
  command = plan

  variables {
    max_replicas = 50
  }

  expect_failures = [google_sql_database_instance.this]
}

run "an_unknown_environment" {
  command = plan

  variables {
    environment = "test"
  }

  expect_failures = [var.environment]
}
