-- InsertBaseline inserts a baseline.
-- name: InsertBaseline :one
INSERT INTO baselines (owner_id, id, project_id, name, description, revision, digest, created_by, created_at)
VALUES (@owner_id, @id, @project_id, @name, @description, @revision, @digest, @owner_id, clock_timestamp())
RETURNING created_at, (SELECT u.name FROM users AS u WHERE u.id = @owner_id)::text AS created_by_name;

-- GetBaseline reads a baseline of a live project.
-- name: GetBaseline :one
SELECT sqlc.embed(b), u.name AS created_by_name
FROM   baselines AS b
JOIN   projects AS p ON p.owner_id = b.owner_id AND p.id = b.project_id
LEFT   JOIN users AS u ON u.id = b.created_by
WHERE  b.owner_id = @owner_id AND b.id = @id AND NOT p.trashed;

-- ListBaselines reads the baselines of a project, the newest first.
-- name: ListBaselines :many
SELECT sqlc.embed(b), u.name AS created_by_name
FROM   baselines AS b
LEFT   JOIN users AS u ON u.id = b.created_by
WHERE  b.owner_id = @owner_id AND b.project_id = @project_id AND (b.created_at, b.id) < (@before_at::timestamptz, @before_id::uuid)
ORDER  BY b.created_at DESC, b.id DESC
LIMIT  @max_rows;

-- UpdateBaseline changes the texts that are not null.
-- name: UpdateBaseline :one
UPDATE baselines AS b
SET    name = coalesce(sqlc.narg(name)::text, b.name), description = coalesce(sqlc.narg(description)::text, b.description)
WHERE  b.owner_id = @owner_id AND b.id = @id
AND    EXISTS (SELECT FROM projects AS p WHERE p.owner_id = b.owner_id AND p.id = b.project_id AND NOT p.trashed)
RETURNING b.id;

-- DeleteBaseline deletes a baseline of a live project.
-- name: DeleteBaseline :one
DELETE FROM baselines AS b
WHERE  b.owner_id = @owner_id AND b.id = @id
AND    EXISTS (SELECT FROM projects AS p WHERE p.owner_id = b.owner_id AND p.id = b.project_id AND NOT p.trashed)
RETURNING b.id;
