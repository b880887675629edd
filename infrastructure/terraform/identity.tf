# Identity Platform, whose users GOOGLE_CLOUD_PROJECT lets sign in. The service
# requires a verified e-mail address and no tenant, so nothing else is enabled.
#
# Google as its provider, and the OAuth client, are made by hand: their secret
# would be in the state otherwise. README.md has the commands.
resource "google_identity_platform_config" "this" {
  authorized_domains         = [var.domain]
  autodelete_anonymous_users = true

  sign_in {
    allow_duplicate_emails = false

    anonymous {
      enabled = false
    }

    email {
      enabled = false
    }

    phone_number {
      enabled = false
    }
  }

  multi_tenant {
    allow_tenants = false
  }

  depends_on = [google_project_service.this]
}
