-- GetProject reads one project of the owner, live or in the trash.
-- name: GetProject :one
SELECT sqlc.embed(p), coalesce((SELECT r.revision FROM project_revisions AS r WHERE r.owner_id = p.owner_id AND r.project_id = p.id), 0)::bigint AS revision
FROM   projects AS p
WHERE  p.id = @id AND p.owner_id = @owner_id;

-- GetProjectWithOwner is GetProject for a response that shows the project.
-- name: GetProjectWithOwner :one
SELECT sqlc.embed(p), coalesce((SELECT r.revision FROM project_revisions AS r WHERE r.owner_id = p.owner_id AND r.project_id = p.id), 0)::bigint AS revision,
       (SELECT u.name FROM users AS u WHERE u.id = p.owner_id)::text AS owner_name
FROM   projects AS p
WHERE  p.id = @id AND p.owner_id = @owner_id;

-- ListProjects reads the owner's projects. Order, cursor and limit are appended
-- (inPages).
-- name: ListProjects :many
SELECT sqlc.embed(p), coalesce((SELECT r.revision FROM project_revisions AS r WHERE r.owner_id = p.owner_id AND r.project_id = p.id), 0)::bigint AS revision,
       (SELECT u.name FROM users AS u WHERE u.id = p.owner_id)::text AS owner_name
FROM   projects AS p
WHERE  p.owner_id = @owner_id AND p.trashed = @trashed;

-- The revision of a locked project is read in another statement, GetProjectHead: this
-- one may see it as it was before the lock was acquired.

-- All locks but that before a deletion are NO KEY: an id never changes, so what
-- refers to a row (a session, a saved response) need not wait for its lock.

-- LockOwner locks the user's row, whose counter bounds the number of projects. It
-- returns the time at which the lock was taken.
-- name: LockOwner :one
SELECT project_count, name, clock_timestamp()::timestamptz AS at
FROM   users
WHERE  id = @owner_id
FOR    NO KEY UPDATE;

-- LockProject locks one project. It returns the time at which the lock was taken.
-- name: LockProject :one
SELECT sqlc.embed(p), clock_timestamp()::timestamptz AS at
FROM   projects AS p
WHERE  p.id = @id AND p.owner_id = @owner_id
FOR    NO KEY UPDATE;

-- LockOwnerAndProject locks both, the owner first: the one order of locks.
-- name: LockOwnerAndProject :one
SELECT sqlc.embed(p), u.project_count, clock_timestamp()::timestamptz AS at
FROM   users AS u
JOIN   projects AS p ON p.owner_id = u.id
WHERE  u.id = @owner_id AND p.id = @id
FOR    NO KEY UPDATE OF u, p;

-- InsertProject inserts a new project.
-- name: InsertProject :exec
INSERT INTO projects (id, owner_id, title, description, created_at, updated_at)
VALUES (@id, @owner_id, @title, @description, @created_at, @updated_at);

-- UpdateProject updates the texts of a project that the transaction has locked.
-- name: UpdateProject :exec
UPDATE projects
SET    title = @title, description = @description, updated_at = @updated_at
WHERE  id = @id AND owner_id = @owner_id;

-- TrashProject moves a project that the transaction has locked to the trash, or out of it.
-- name: TrashProject :exec
UPDATE projects
SET    updated_at = @updated_at, deleted_at = @deleted_at
WHERE  id = @id AND owner_id = @owner_id;

-- SetProjectCount sets the number of live projects of the locked owner.
-- name: SetProjectCount :exec
UPDATE users
SET    project_count = @project_count
WHERE  id = @owner_id;
