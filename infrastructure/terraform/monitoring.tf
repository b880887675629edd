# Checks from outside, and of the stores. The service's own metrics are covered by
# the rules under infrastructure/monitoring.

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = each.value
  type         = "email"

  labels = {
    email_address = each.value
  }

  depends_on = [google_project_service.this]
}

locals {
  alert_channels = values(google_monitoring_notification_channel.email)[*].id

  # /health answers 503 while the database is away; without Redis it answers 200,
  # as no request is rejected.
  uptime_checks = {
    service = { path = "/health", severity = "CRITICAL", advice = "Callers get no answers. Ask /health which part is away." }
    redis   = { path = "/health/redis", severity = "WARNING", advice = "Callers are served; each replica counts requests by itself, and nothing is remembered." }
  }

  # For ten minutes above the threshold.
  store_alerts = {
    database-cpu = {
      metric    = "cloudsql.googleapis.com/database/cpu/utilization"
      resource  = "cloudsql_database"
      reducer   = "REDUCE_MAX"
      threshold = 0.8
      advice    = "Look at Query Insights; raise database_tier if no single query is to blame."
    }
    database-memory = {
      metric    = "cloudsql.googleapis.com/database/memory/utilization"
      resource  = "cloudsql_database"
      reducer   = "REDUCE_MAX"
      threshold = 0.9
      advice    = "Raise database_tier before PostgreSQL is ended for want of memory."
    }
    database-disk = {
      metric    = "cloudsql.googleapis.com/database/disk/utilization"
      resource  = "cloudsql_database"
      reducer   = "REDUCE_MAX"
      threshold = 0.85
      advice    = "The disk grows by itself; that it does not keep up means a flood of writes or a stuck replication slot."
    }
    database-connections = {
      metric    = "cloudsql.googleapis.com/database/postgresql/num_backends"
      resource  = "cloudsql_database"
      reducer   = "REDUCE_SUM" # of its databases
      threshold = 0.8 * var.database_max_connections
      advice    = "Clients other than the service are connected, or there are more replicas than max_replicas."
    }
    redis-memory = {
      metric    = "redis.googleapis.com/stats/memory/system_memory_usage_ratio"
      resource  = "redis_instance"
      reducer   = "REDUCE_MAX"
      threshold = 0.8
      advice    = "Raise redis_memory_gb. Eviction costs only speed, but a Redis out of system memory stops."
    }
  }
}

resource "google_monitoring_uptime_check_config" "this" {
  for_each = local.uptime_checks

  display_name = "${local.name} ${each.key}"
  timeout      = "10s"
  period       = "60s"

  http_check {
    path         = each.value.path
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type = "uptime_url"

    labels = {
      project_id = var.project_id
      host       = var.domain
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "uptime" {
  for_each = local.uptime_checks

  display_name          = "${local.name}: ${each.value.path} fails"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.alert_channels

  documentation {
    content = each.value.advice
  }

  conditions {
    display_name = "From more than one region, for two minutes"

    condition_threshold {
      filter          = "metric.type = \"monitoring.googleapis.com/uptime_check/check_passed\" AND resource.type = \"uptime_url\" AND metric.labels.check_id = \"${google_monitoring_uptime_check_config.this[each.key].uptime_check_id}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "120s"

      aggregations {
        alignment_period     = "1200s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.label.host"]
      }
    }
  }
}

resource "google_monitoring_alert_policy" "certificate" {
  display_name          = "${local.name}: the certificate is about to expire"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.alert_channels

  documentation {
    content = "Google renews it by itself a month before. See why it could not: gcloud certificate-manager certificates describe ${google_certificate_manager_certificate.this.name}"
  }

  conditions {
    display_name = "Fewer than 14 days"

    condition_threshold {
      filter          = "metric.type = \"monitoring.googleapis.com/uptime_check/time_until_ssl_cert_expires\" AND resource.type = \"uptime_url\" AND metric.labels.check_id = \"${google_monitoring_uptime_check_config.this["service"].uptime_check_id}\""
      comparison      = "COMPARISON_LT"
      threshold_value = 14
      duration        = "600s"

      aggregations {
        alignment_period     = "1200s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_MEAN"
        group_by_fields      = ["resource.label.host"]
      }
    }
  }
}

resource "google_monitoring_alert_policy" "store" {
  for_each = local.store_alerts

  display_name          = "${local.name}: ${each.key}"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.alert_channels

  documentation {
    content = each.value.advice
  }

  conditions {
    display_name = "Above ${each.value.threshold} for ten minutes"

    condition_threshold {
      filter          = "metric.type = \"${each.value.metric}\" AND resource.type = \"${each.value.resource}\""
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = "600s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_MEAN"
        cross_series_reducer = each.value.reducer
      }
    }
  }

  depends_on = [google_project_service.this]
}
