-- GetUser reads the caller's own row.
-- name: GetUser :one
SELECT *
FROM   users
WHERE  id = @id;

-- LockUser holds the caller's own row.
-- name: LockUser :one
SELECT *
FROM   users
WHERE  id = @id
FOR    NO KEY UPDATE;

-- RenameUser keeps the name that the caller chose.
-- name: RenameUser :exec
UPDATE users
SET    name = @name
WHERE  id = @id;

-- DeleteUser removes the caller and everything that is theirs, sessions too.
-- name: DeleteUser :exec
DELETE FROM users
WHERE  id = @id;
