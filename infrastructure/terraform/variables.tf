variable "environment" {
  description = "Which of the two environments this is: staging or prod. Also the Kubernetes namespace and the GitHub environment."
  type        = string

  validation {
    condition     = contains(["staging", "prod"], var.environment)
    error_message = "The environment is staging or prod."
  }
}

variable "project_id" {
  description = "The Google Cloud project, which holds this environment and nothing else."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project id has 6 to 30 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "region" {
  description = "The region of everything that has one."
  type        = string
  default     = "europe-west1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region looks like europe-west1; europe-west1-b is a zone, not a region."
  }
}

variable "domain" {
  description = "The host name that clients call, such as api.example.com. It gets a DNS zone of its own."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "A domain is a host name in lower case, without scheme, port and final dot."
  }
}

variable "github_repository_id" {
  description = "The number of the GitHub repository whose workflows may push images and deploy; 0 for none."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.github_repository_id))
    error_message = "A repository has a number: gh api repos/OWNER/NAME --jq .id"
  }
}

variable "alert_emails" {
  description = "The e-mail addresses that get alerts."
  type        = set(string)

  validation {
    condition     = length(var.alert_emails) > 0 && alltrue([for email in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+$", email))])
    error_message = "At least one e-mail address is needed, or alerts would not be delivered."
  }
}

variable "highly_available" {
  description = "Whether database and Redis have a standby in another zone."
  type        = bool
}

variable "deletion_protection" {
  description = "Whether cluster, database and Redis refuse to be deleted. Turn it off, apply, and only then destroy."
  type        = bool
}

variable "database_tier" {
  description = "The machine of the database: db-custom-<CPUs>-<MiB>."
  type        = string

  validation {
    condition     = can(regex("^db-custom-[0-9]+-[0-9]+$", var.database_tier))
    error_message = "The tier is db-custom-<CPUs>-<MiB>: shared cores are outside of Google's service level."
  }
}

variable "database_max_connections" {
  description = "How many connections PostgreSQL accepts. The database refuses to be planned when the replicas could need more."
  type        = number

  validation {
    condition     = var.database_max_connections >= 25 && var.database_max_connections <= 1000
    error_message = "From 25 to 1000; each connection costs PostgreSQL memory, so beyond that a pooler is cheaper."
  }
}

variable "backups_retained" {
  description = "How many daily backups are kept."
  type        = number

  validation {
    condition     = var.backups_retained >= 7 && var.backups_retained <= 365
    error_message = "From 7, as many days as can be recovered to any point in time, to 365."
  }
}

variable "redis_memory_gb" {
  description = "The memory of Redis, in GiB."
  type        = number

  validation {
    condition     = var.redis_memory_gb >= 1 && var.redis_memory_gb <= 300
    error_message = "Memorystore has 1 to 300 GiB."
  }
}

variable "max_replicas" {
  description = "The most replicas that the autoscaler of the Kubernetes overlay starts."
  type        = number

  validation {
    condition     = var.max_replicas >= 1
    error_message = "At least one replica."
  }
}

variable "max_surge" {
  description = "How many replicas a rollout runs beyond the autoscaler's: maxSurge of the Deployment, and two that are ending."
  type        = number
  default     = 3

  validation {
    condition     = var.max_surge >= 0
    error_message = "A rollout starts no negative number of replicas."
  }
}

variable "database_pool_size" {
  description = "DATABASE_POOL_SIZE of the service: connections that a replica keeps."
  type        = number
  default     = 5

  validation {
    condition     = var.database_pool_size >= 1
    error_message = "A replica needs at least one connection."
  }
}

variable "database_max_overflow" {
  description = "DATABASE_MAX_OVERFLOW of the service: connections that a replica opens beyond these under load."
  type        = number
  default     = 10

  validation {
    condition     = var.database_max_overflow >= 0
    error_message = "The overflow is a number of connections, or 0."
  }
}

variable "password_version" {
  description = "Raise it to give the database's owner and service new passwords; README.md says what follows."
  type        = number
  default     = 1

  validation {
    condition     = var.password_version >= 1
    error_message = "Versions count from 1."
  }
}
