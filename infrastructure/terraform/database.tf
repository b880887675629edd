locals {
  # A replica opens its pool, what it may open beyond that, and one connection that
  # listens to what other replicas announce. "migrate up" opens two; the rest are
  # PostgreSQL's three for superusers, those of Cloud SQL itself, and a person with psql.
  connections_per_replica = var.database_pool_size + var.database_max_overflow + 1
  connections_besides     = 12
  connections_needed      = (var.max_replicas + var.max_surge) * local.connections_per_replica + local.connections_besides

  database_flags = {
    max_connections = var.database_max_connections

    # Connections and lock waits are logged, content never. Terse
    # leaves out the DETAIL of an error, which can print a row.
    log_connections            = "on"
    log_disconnections         = "on"
    log_error_verbosity        = "terse"
    log_lock_waits             = "on"
    log_min_duration_statement = -1

    # A client that went silent keeps its locks for ten minutes at most, and one whose
    # machine is gone for one. The service sets shorter limits for its own connections.
    idle_in_transaction_session_timeout = 600000
    tcp_keepalives_idle                 = 30
    tcp_keepalives_interval             = 10
    tcp_keepalives_count                = 3
  }
}

resource "google_sql_database_instance" "this" {
  name                = local.name
  database_version    = "POSTGRES_15"
  deletion_protection = var.deletion_protection

  settings {
    edition                     = "ENTERPRISE"
    tier                        = var.database_tier
    availability_type           = var.highly_available ? "REGIONAL" : "ZONAL"
    deletion_protection_enabled = var.deletion_protection
    retain_backups_on_delete    = true
    disk_type                   = "PD_SSD"
    disk_autoresize             = true

    ip_configuration {
      ipv4_enabled       = false
      private_network    = google_compute_network.this.id
      allocated_ip_range = google_compute_global_address.stores.name
      ssl_mode           = "ENCRYPTED_ONLY"

      # An authority for this instance alone. Its certificates name no address, so
      # clients verify the authority (verify-ca), which no other server can use.
      server_ca_mode = "GOOGLE_MANAGED_INTERNAL_CA"
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "02:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = var.backups_retained
        retention_unit   = "COUNT"
      }
    }

    final_backup_config {
      enabled        = var.deletion_protection
      retention_days = var.deletion_protection ? 30 : null
    }

    # Staging takes updates weeks before prod.
    maintenance_window {
      day          = 7
      hour         = 3
      update_track = var.environment == "prod" ? "stable" : "canary"
    }

    insights_config {
      query_insights_enabled  = true
      record_application_tags = false
      record_client_address   = false
    }

    dynamic "database_flags" {
      for_each = local.database_flags

      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  lifecycle {
    precondition {
      condition     = local.connections_needed <= var.database_max_connections
      error_message = "${var.max_replicas} replicas, ${var.max_surge} more during a rollout, migrations and Cloud SQL itself need ${local.connections_needed} connections; database_max_connections is ${var.database_max_connections}. Raise it, or lower pool or replicas."
    }
  }

  depends_on = [google_service_networking_connection.stores]
}

resource "google_sql_database" "this" {
  name     = local.name
  instance = google_sql_database_instance.this.name

  # Not dropped when it leaves this file: the data go with the instance, or not at all.
  deletion_policy = "ABANDON"
}

# The owner of the tables, for migrations. Cloud SQL lets every user that is made
# here create roles, as the first migration needs.
#
# The service's login must not be able to, so it is made with SQL: README.md has
# the command. Without it the service does not start, instead of starting with
# rights that row-level security would not hold.
resource "google_sql_user" "owner" {
  name     = "codegenapp_owner"
  instance = google_sql_database_instance.this.name

  password_wo         = ephemeral.google_secret_manager_secret_version.database_password["owner"].secret_data
  password_wo_version = var.password_version

  # PostgreSQL does not drop a role that owns tables.
  deletion_policy = "ABANDON"
}
