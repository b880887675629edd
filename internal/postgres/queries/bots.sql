-- ListBots reads the bots of a person, the newest first.
-- name: ListBots :many
SELECT *
FROM   users
WHERE  managed_by = @managed_by
ORDER  BY created_at DESC, id DESC;

-- ListBotIDs reads the ids of the bots of a person.
-- name: ListBotIDs :many
SELECT id
FROM   users
WHERE  managed_by = @managed_by;

-- CountBots counts the bots of a person.
-- name: CountBots :one
SELECT count(*)
FROM   users
WHERE  managed_by = @managed_by;

-- InsertBot inserts a bot.
-- name: InsertBot :one
INSERT INTO users (id, issuer, subject, email, name, managed_by)
VALUES (@id, 'codegenapp', (@id::uuid)::text, '', @name, @managed_by)
RETURNING *;

-- GetBot reads a bot.
-- name: GetBot :one
SELECT *
FROM   users
WHERE  id = @id AND managed_by = @managed_by;

-- RenameBot sets the name of a bot.
-- name: RenameBot :one
UPDATE users
SET    name = @name
WHERE  id = @id AND managed_by = @managed_by
RETURNING *;

-- DeleteBot deletes a bot; foreign keys delete its tokens.
-- name: DeleteBot :one
DELETE FROM users
WHERE  id = @id AND managed_by = @managed_by
RETURNING id;

-- LockTokenOwner locks a person, or one of their bots.
-- name: LockTokenOwner :one
SELECT id
FROM   users
WHERE  id = @id AND (id = @caller OR managed_by = @caller)
FOR    NO KEY UPDATE;

-- GetTokenOwner reads a person, or one of their bots.
-- name: GetTokenOwner :one
SELECT id
FROM   users
WHERE  id = @id AND (id = @caller OR managed_by = @caller);
