-- GetProject reads one project of the owner, live or in the trash.
-- name: GetProject :one
SELECT *
FROM   projects
WHERE  id = @id AND owner_id = @owner_id;

-- All locks but that before a deletion are NO KEY: nobody changes an id, and so
-- what refers to a row (a session, the answer kept for a key) need not wait for
-- its lock.

-- LockOwner holds the user's row, whose counter bounds the number of projects,
-- and tells the time at which the lock was had.
-- name: LockOwner :one
SELECT project_count, clock_timestamp()::timestamptz AS at
FROM   users
WHERE  id = @owner_id
FOR    NO KEY UPDATE;

-- LockProject holds one project and tells the time at which the lock was had.
-- name: LockProject :one
SELECT sqlc.embed(p), clock_timestamp()::timestamptz AS at
FROM   projects AS p
WHERE  p.id = @id AND p.owner_id = @owner_id
FOR    NO KEY UPDATE;

-- LockOwnerAndProject holds both, the owner first: the one order of locks.
-- name: LockOwnerAndProject :one
SELECT sqlc.embed(p), u.project_count, clock_timestamp()::timestamptz AS at
FROM   users AS u
JOIN   projects AS p ON p.owner_id = u.id
WHERE  u.id = @owner_id AND p.id = @id
FOR    NO KEY UPDATE OF u, p;

-- InsertProject keeps a new project.
-- name: InsertProject :exec
INSERT INTO projects (id, owner_id, title, description, created_at, updated_at)
VALUES (@id, @owner_id, @title, @description, @created_at, @updated_at);

-- UpdateProject keeps a changed project, which the transaction has locked.
-- name: UpdateProject :exec
UPDATE projects
SET    title = @title, description = @description, updated_at = @updated_at, deleted_at = @deleted_at
WHERE  id = @id AND owner_id = @owner_id;

-- SetProjectCount keeps the number of live projects of the locked owner.
-- name: SetProjectCount :exec
UPDATE users
SET    project_count = @project_count
WHERE  id = @owner_id;
