-- GetSpecification reads one specification of the owner and whether its project
-- is in the trash.
-- name: GetSpecification :one
SELECT sqlc.embed(s), p.trashed AS project_trashed
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = @id AND s.owner_id = @owner_id;

-- LockSpecification holds one specification and tells the time at which the
-- lock was had.
-- name: LockSpecification :one
SELECT sqlc.embed(s), p.trashed AS project_trashed, clock_timestamp()::timestamptz AS at
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = @id AND s.owner_id = @owner_id
FOR    NO KEY UPDATE OF s;

-- LockProjectAndSpecification holds both, the project first: the one order of
-- locks.
-- name: LockProjectAndSpecification :one
SELECT sqlc.embed(p), sqlc.embed(s), clock_timestamp()::timestamptz AS at
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = @id AND s.owner_id = @owner_id
FOR    NO KEY UPDATE OF p, s;

-- InsertSpecification keeps a new specification.
-- name: InsertSpecification :exec
INSERT INTO specifications (id, project_id, owner_id, number, title, content, created_at, updated_at)
VALUES (@id, @project_id, @owner_id, @number, @title, @content, @created_at, @updated_at);

-- UpdateSpecification keeps a changed specification, which the transaction has
-- locked.
-- name: UpdateSpecification :exec
UPDATE specifications
SET    title = @title, content = @content, updated_at = @updated_at, deleted_at = @deleted_at
WHERE  id = @id AND owner_id = @owner_id;

-- UpdateItemList keeps the order of a locked specification's items.
-- name: UpdateItemList :exec
UPDATE specifications
SET    item_ids = @item_ids, next_item_number = @next_item_number, updated_at = @updated_at
WHERE  id = @id AND owner_id = @owner_id;

-- CountSpecification keeps what a locked project knows of its specifications.
-- name: CountSpecification :exec
UPDATE projects
SET    specification_count = @specification_count, next_specification_number = @next_specification_number, updated_at = @updated_at
WHERE  id = @id AND owner_id = @owner_id;
