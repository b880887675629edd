# The Gateway of the Kubernetes overlay takes this address and this map of
# certificates by their names.
resource "google_compute_global_address" "gateway" {
  name = "${local.name}-gateway"

  depends_on = [google_project_service.this]
}

# The zone of the host name alone, so that only this name has to be delegated.
resource "google_dns_managed_zone" "this" {
  name        = local.name
  dns_name    = "${var.domain}."
  description = "The host name of codegenapp in ${var.environment}"

  dnssec_config {
    state = "on"
  }

  depends_on = [google_project_service.this]
}

resource "google_dns_record_set" "gateway" {
  managed_zone = google_dns_managed_zone.this.name
  name         = google_dns_managed_zone.this.dns_name
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.gateway.address]
}

# No other authority may issue certificates for this name.
resource "google_dns_record_set" "authority" {
  managed_zone = google_dns_managed_zone.this.name
  name         = google_dns_managed_zone.this.dns_name
  type         = "CAA"
  ttl          = 3600
  rrdatas      = ["0 issue \"pki.goog\""]
}

# The certificate is issued on proof by DNS, so it is there before the first
# request is.
resource "google_certificate_manager_dns_authorization" "this" {
  name   = local.name
  domain = var.domain

  depends_on = [google_project_service.this]
}

resource "google_dns_record_set" "authorization" {
  managed_zone = google_dns_managed_zone.this.name
  name         = google_certificate_manager_dns_authorization.this.dns_resource_record[0].name
  type         = google_certificate_manager_dns_authorization.this.dns_resource_record[0].type
  ttl          = 300
  rrdatas      = [google_certificate_manager_dns_authorization.this.dns_resource_record[0].data]
}

resource "google_certificate_manager_certificate" "this" {
  name = local.name

  managed {
    domains            = [var.domain]
    dns_authorizations = [google_certificate_manager_dns_authorization.this.id]
  }
}

resource "google_certificate_manager_certificate_map" "this" {
  name = local.name

  depends_on = [google_project_service.this]
}

resource "google_certificate_manager_certificate_map_entry" "this" {
  name         = local.name
  map          = google_certificate_manager_certificate_map.this.name
  hostname     = var.domain
  certificates = [google_certificate_manager_certificate.this.id]
}

# TLS 1.2 with forward secrecy and authenticated ciphers, and 1.3. The Gateway's
# policy takes it by its name.
resource "google_compute_ssl_policy" "this" {
  name            = local.name
  profile         = "RESTRICTED"
  min_tls_version = "TLS_1_2"

  depends_on = [google_project_service.this]
}
