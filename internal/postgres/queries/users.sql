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

-- LockUserToDelete holds the caller's own row as its deletion does. A weaker lock
-- would have to be raised, against those who share it and wait for it to end.
-- name: LockUserToDelete :one
SELECT id
FROM   users
WHERE  id = @id
FOR    UPDATE;

-- RenameUser keeps the name that the caller chose.
-- name: RenameUser :exec
UPDATE users
SET    name = @name
WHERE  id = @id;

-- DeleteUser removes the caller and everything that is theirs, sessions too.
-- name: DeleteUser :exec
DELETE FROM users
WHERE  id = @id;
