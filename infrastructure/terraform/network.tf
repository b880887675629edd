locals {
  postgres_port = 5432
  redis_port    = 6378 # Memorystore's, with TLS
}

resource "google_compute_network" "this" {
  name                    = local.name
  auto_create_subnetworks = false

  depends_on = [google_project_service.this]
}

resource "google_compute_subnetwork" "cluster" {
  name    = "${local.name}-cluster"
  network = google_compute_network.this.id

  ip_cidr_range            = "10.0.0.0/20"
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = "10.64.0.0/16"
  }

  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = "10.65.0.0/20"
  }
}

# Nodes have no address of their own. Pods reach Google's keys and token endpoint
# from here, and accept no connections from outside.
resource "google_compute_router" "this" {
  name    = local.name
  network = google_compute_network.this.id
}

resource "google_compute_router_nat" "this" {
  name   = local.name
  router = google_compute_router.this.name

  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}

# Database and Redis live in a network of Google's that is peered with ours, in
# these addresses, and have no others.
resource "google_compute_global_address" "stores" {
  name          = "${local.name}-stores"
  network       = google_compute_network.this.id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  address       = "10.128.0.0"
  prefix_length = 20
}

resource "google_service_networking_connection" "stores" {
  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.stores.name]

  # Google keeps the peering for days after the last store is gone, and refuses to
  # delete it until then.
  deletion_policy = "ABANDON"
}

# Only nodes of the cluster reach the stores, and there only their ports. Which of
# the cluster's pods may connect is defined by the NetworkPolicy of the Kubernetes overlay.
resource "google_compute_firewall" "stores_from_cluster" {
  name      = "${local.name}-stores-from-cluster"
  network   = google_compute_network.this.id
  direction = "EGRESS"
  priority  = 1000

  destination_ranges      = [local.stores_cidr]
  target_service_accounts = [google_service_account.nodes.email]

  allow {
    protocol = "tcp"
    ports    = [local.postgres_port, local.redis_port]
  }
}

resource "google_compute_firewall" "stores_from_nowhere" {
  name      = "${local.name}-stores-from-nowhere"
  network   = google_compute_network.this.id
  direction = "EGRESS"
  priority  = 2000

  destination_ranges = [local.stores_cidr]

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

locals {
  stores_cidr = "${google_compute_global_address.stores.address}/${google_compute_global_address.stores.prefix_length}"
}
