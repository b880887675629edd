environment          = "staging"
project_id           = "codegenapp-staging"
domain               = "api.staging.example.com"
github_repository_id = "0" # gh api repos/OWNER/NAME --jq .id
alert_emails         = ["operations@example.com"]

highly_available    = false
deletion_protection = false

database_tier            = "db-custom-1-3840"
database_max_connections = 120
backups_retained         = 7

redis_memory_gb = 1

max_replicas = 3
