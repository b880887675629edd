-- GetSpecification reads one specification of the owner, and whether its project is
-- in the trash.
-- name: GetSpecification :one
SELECT sqlc.embed(s), p.trashed AS project_trashed
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = @id AND s.owner_id = @owner_id;

-- ListSpecifications reads the specifications of one project of the owner, a summary
-- without their contents. Order, cursor and limit are appended (inPages).
-- name: ListSpecifications :many
SELECT id, project_id, owner_id, number, title, CASE WHEN @summary::boolean THEN '' ELSE content END::text AS content,
       item_ids, next_item_number, version, created_at, updated_at, deleted_at, trashed
FROM   specifications
WHERE  project_id = @project_id AND owner_id = @owner_id AND trashed = @trashed;

-- LockSpecification locks one specification. It returns the time at which the lock
-- was taken.
-- name: LockSpecification :one
SELECT sqlc.embed(s), p.trashed AS project_trashed, clock_timestamp()::timestamptz AS at
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = @id AND s.owner_id = @owner_id
FOR    NO KEY UPDATE OF s;

-- LockProjectAndSpecification locks both, the project first: the one order of locks.
-- name: LockProjectAndSpecification :one
SELECT sqlc.embed(p), sqlc.embed(s), clock_timestamp()::timestamptz AS at
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = @id AND s.owner_id = @owner_id
FOR    NO KEY UPDATE OF p, s;

-- InsertSpecification inserts a new specification.
-- name: InsertSpecification :exec
INSERT INTO specifications (id, project_id, owner_id, number, title, content, created_at, updated_at)
VALUES (@id, @project_id, @owner_id, @number, @title, @content, @created_at, @updated_at);

-- UpdateSpecification updates a specification that the transaction has locked.
-- name: UpdateSpecification :exec
UPDATE specifications
SET    title = @title, content = @content, updated_at = @updated_at, deleted_at = @deleted_at
WHERE  id = @id AND owner_id = @owner_id;

-- UpdateItemList updates the order of a locked specification's items.
-- name: UpdateItemList :exec
UPDATE specifications
SET    item_ids = @item_ids, next_item_number = @next_item_number, updated_at = @updated_at
WHERE  id = @id AND owner_id = @owner_id;

-- UpdateSpecificationCounters updates the counters of a locked project.
-- name: UpdateSpecificationCounters :exec
UPDATE projects
SET    specification_count = @specification_count, next_specification_number = @next_specification_number, updated_at = @updated_at
WHERE  id = @id AND owner_id = @owner_id;
