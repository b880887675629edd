resource "google_redis_instance" "this" {
  name                = local.name
  redis_version       = "REDIS_7_2"
  tier                = var.highly_available ? "STANDARD_HA" : "BASIC"
  memory_size_gb      = var.redis_memory_gb
  deletion_protection = var.deletion_protection

  authorized_network = google_compute_network.this.id
  connect_mode       = "PRIVATE_SERVICE_ACCESS"
  reserved_ip_range  = google_compute_global_address.stores.name

  # Redis holds answers, which are content.
  auth_enabled            = true
  transit_encryption_mode = "SERVER_AUTHENTICATION"

  redis_configs = {
    # All that is in there is a copy or a counter, lives for minutes at most, and
    # may vanish: a lost answer is read from the database again, a lost session is
    # checked there again, a lost budget is whole again. So under pressure whatever
    # was not used for longest goes, and no write is ever refused, as noeviction would.
    maxmemory-policy = "allkeys-lru"
  }

  persistence_config {
    persistence_mode = "DISABLED"
  }

  maintenance_policy {
    weekly_maintenance_window {
      day = "SUNDAY"

      start_time {
        hours   = 3
        minutes = 0
        seconds = 0
        nanos   = 0
      }
    }
  }

  depends_on = [google_service_networking_connection.stores]
}
