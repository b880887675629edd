# The identity of nodes at Google Cloud: rights to run and to pull images, and a name for
# the firewall. Pods have identities of their own; see secrets.tf.
resource "google_service_account" "nodes" {
  account_id   = "${local.name}-nodes"
  display_name = "Nodes of the cluster"

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "nodes" {
  project = var.project_id
  role    = "roles/container.defaultNodeServiceAccount"
  member  = google_service_account.nodes.member
}

resource "google_container_cluster" "this" {
  name                = local.name
  location            = var.region
  enable_autopilot    = true
  deletion_protection = var.deletion_protection

  network    = google_compute_network.this.id
  subnetwork = google_compute_subnetwork.cluster.id

  ip_allocation_policy {
    cluster_secondary_range_name  = google_compute_subnetwork.cluster.secondary_ip_range[0].range_name
    services_secondary_range_name = google_compute_subnetwork.cluster.secondary_ip_range[1].range_name
  }

  private_cluster_config {
    enable_private_nodes = true
  }

  # The API server has no address to attack. It is reached by its DNS name, through
  # Google's front end, and IAM decides about access: for operators and for the deployment.
  control_plane_endpoints_config {
    dns_endpoint_config {
      allow_external_traffic = true
    }

    ip_endpoints_config {
      enabled = false
    }
  }

  cluster_autoscaling {
    auto_provisioning_defaults {
      service_account = google_service_account.nodes.email
      oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    }
  }

  release_channel {
    channel = "REGULAR"
  }

  # Not in the hour in which database and Redis are maintained.
  maintenance_policy {
    recurring_window {
      start_time = "2026-01-03T08:00:00Z"
      end_time   = "2026-01-03T20:00:00Z"
      recurrence = "FREQ=WEEKLY;BYDAY=SA,SU"
    }
  }

  gateway_api_config {
    channel = "CHANNEL_STANDARD"
  }

  # Mounts secrets of Secret Manager as files, under the identity of the pod.
  secret_manager_config {
    enabled = true
  }

  security_posture_config {
    mode = "BASIC"
  }

  depends_on = [google_project_iam_member.nodes]
}
