-- PurgeProject removes a project that is still in the trash for so long.
-- name: PurgeProject :one
DELETE FROM projects
WHERE  id = @id AND owner_id = @owner_id AND deleted_at < @before
RETURNING id;

-- PurgeSpecification removes a specification that is still in the trash for so
-- long.
-- name: PurgeSpecification :one
DELETE FROM specifications
WHERE  id = @id AND owner_id = @owner_id AND deleted_at < @before
RETURNING id;
