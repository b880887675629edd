-- ExportProjects reads a page of the owner's projects by id, also those in the trash.
-- name: ExportProjects :many
SELECT sqlc.embed(p), coalesce((SELECT r.revision FROM project_revisions AS r WHERE r.owner_id = p.owner_id AND r.project_id = p.id), 0)::bigint AS revision
FROM   projects AS p
WHERE  p.owner_id = @owner_id AND p.id > @after
ORDER  BY p.id
LIMIT  @max_rows;

-- ExportSpecifications reads a page of a project's specifications by number, also
-- those in the trash.
-- name: ExportSpecifications :many
SELECT *
FROM   specifications
WHERE  project_id = @project_id AND owner_id = @owner_id AND number > @after
ORDER  BY number
LIMIT  @max_rows;
