environment          = "prod"
project_id           = "codegenapp-prod"
domain               = "api.example.com"
github_repository_id = "0" # gh api repos/OWNER/NAME --jq .id
alert_emails         = ["operations@example.com"]

highly_available    = true
deletion_protection = true

database_tier            = "db-custom-2-8192"
database_max_connections = 240
backups_retained         = 30

redis_memory_gb = 2

max_replicas = 10
