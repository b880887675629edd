-- InsertBaseline inserts a baseline.
-- name: InsertBaseline :one
INSERT INTO baselines (owner_id, id, project_id, name, description, revision, digest, created_by, created_at)
VALUES (@owner_id, @id, @project_id, @name, @description, @revision, @digest, @created_by, clock_timestamp())
RETURNING created_at, (SELECT u.name FROM users AS u WHERE u.id = @created_by)::text AS created_by_name;

-- GetBaseline reads a baseline of a live project.
-- name: GetBaseline :one
SELECT sqlc.embed(b), coalesce(u.name, person_name(b.created_by), '')::text AS created_by_name
FROM   baselines AS b
JOIN   projects AS p ON p.owner_id = b.owner_id AND p.id = b.project_id
LEFT   JOIN users AS u ON u.id = b.created_by
WHERE  b.owner_id = @owner_id AND b.id = @id AND NOT p.trashed;

-- ListBaselines reads the baselines of a project, the newest first.
-- name: ListBaselines :many
SELECT sqlc.embed(b), coalesce(u.name, person_name(b.created_by), '')::text AS created_by_name
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

-- ListBaselinesBefore reads the names of the baselines of a project before a revision, the
-- oldest first.
-- name: ListBaselinesBefore :many
SELECT name
FROM   baselines
WHERE  owner_id = @owner_id AND project_id = @project_id AND revision < @before
ORDER  BY revision, name;

-- ListBaselinesOfVersions reads the names of the baselines that need changes of a
-- specification up to a version, the oldest first. Those from before the specification
-- was created do not, nor do those that need erased changes anyway.
-- name: ListBaselinesOfVersions :many
SELECT b.name
FROM   baselines AS b
JOIN   specifications AS s ON s.owner_id = b.owner_id AND s.project_id = b.project_id
WHERE  b.owner_id = @owner_id AND s.id = @spec_id
AND    EXISTS (SELECT FROM changes AS c
               WHERE  c.owner_id = b.owner_id AND c.spec_id = s.id AND c.revision > b.revision AND c.spec_version <= @before AND NOT c.erased)
AND    NOT EXISTS (SELECT FROM changes AS c
                   WHERE  c.owner_id = b.owner_id AND c.spec_id = s.id AND c.revision > b.revision AND (c.kind = 'specification.created' OR c.erased))
ORDER  BY b.revision, b.name;
