resource "google_redis_instance" "this" {
  name                = local.name
  redis_version       = "REDIS_7_2"
  tier                = var.highly_available ? "STANDARD_HA" : "BASIC"
  memory_size_gb      = var.redis_memory_gb
  deletion_protection = var.deletion_protection

  authorized_network = google_compute_network.this.id
  connect_mode       = "PRIVATE_SERVICE_ACCESS"
  reserved_ip_range  = google_compute_global_address.stores.name

  # Redis holds responses, which are user content.
  auth_enabled            = true
  transit_encryption_mode = "SERVER_AUTHENTICATION"

  redis_configs = {
    # Redis holds only copies and counters, for minutes at most, and may lose them: a
    # lost response or session is read from the database again, a lost rate limit
    # starts again. So under memory pressure the least recently used key is evicted.
    # With noeviction, writes would fail.
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
