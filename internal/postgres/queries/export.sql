-- ExportProjects reads a page of the owner's projects by id, also those in the trash.
-- name: ExportProjects :many
SELECT *
FROM   projects
WHERE  owner_id = @owner_id AND id > @after
ORDER  BY id
LIMIT  @max_rows;

-- ExportSpecifications reads a page of a project's specifications by number, also
-- those in the trash.
-- name: ExportSpecifications :many
SELECT *
FROM   specifications
WHERE  project_id = @project_id AND owner_id = @owner_id AND number > @after
ORDER  BY number
LIMIT  @max_rows;
