-- PurgeProject removes a project that is still in the trash for so long.
-- name: PurgeProject :exec
DELETE FROM projects
WHERE  id = @id AND owner_id = @owner_id AND deleted_at < @before;

-- PurgeSpecification removes a specification that is still in the trash for so
-- long.
-- name: PurgeSpecification :exec
DELETE FROM specifications
WHERE  id = @id AND owner_id = @owner_id AND deleted_at < @before;
