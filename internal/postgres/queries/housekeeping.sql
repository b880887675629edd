-- PurgeProject deletes a project that went to the trash before a time.
-- name: PurgeProject :one
DELETE FROM projects
WHERE  id = @id AND owner_id = @owner_id AND deleted_at < @before
RETURNING id;

-- PurgeSpecification deletes a specification that went to the trash before a time.
-- name: PurgeSpecification :one
DELETE FROM specifications
WHERE  id = @id AND owner_id = @owner_id AND deleted_at < @before
RETURNING id;
