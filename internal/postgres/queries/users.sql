-- GetUser reads one user; row-level security shows others only to auditors and
-- admins.
-- name: GetUser :one
SELECT *
FROM   users
WHERE  id = @id;

-- LockUser locks and reads the caller's row.
-- name: LockUser :one
SELECT *
FROM   users
WHERE  id = @id
FOR    NO KEY UPDATE;

-- LockUserForUpdate locks the caller's row as its deletion does. A weaker lock would
-- have to be raised, and that deadlocks with transactions that share it.
-- name: LockUserForUpdate :one
SELECT id
FROM   users
WHERE  id = @id
FOR    UPDATE;

-- RenameUser sets the name that the caller chose.
-- name: RenameUser :exec
UPDATE users
SET    name = @name
WHERE  id = @id;

-- DeleteUser deletes the caller; foreign keys delete everything of the caller.
-- name: DeleteUser :exec
DELETE FROM users
WHERE  id = @id;
