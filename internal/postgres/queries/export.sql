-- WalkProjects reads the owner's projects after one, trash and all, by id.
-- name: WalkProjects :many
SELECT *
FROM   projects
WHERE  owner_id = @owner_id AND id > @after
ORDER  BY id
LIMIT  @most;

-- WalkSpecifications reads a project's specifications after one, by number.
-- name: WalkSpecifications :many
SELECT *
FROM   specifications
WHERE  project_id = @project_id AND owner_id = @owner_id AND number > @after
ORDER  BY number
LIMIT  @most;
