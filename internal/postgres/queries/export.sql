-- ExportProjects reads a page of the owner's projects by id, also those in the trash.
-- name: ExportProjects :many
SELECT sqlc.embed(p), coalesce((SELECT r.revision FROM project_revisions AS r WHERE r.owner_id = p.owner_id AND r.project_id = p.id), 0)::bigint AS revision,
       (SELECT u.name FROM users AS u WHERE u.id = p.owner_id)::text AS owner_name
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

-- ExportBaselines reads a page of a project's baselines by name.
-- name: ExportBaselines :many
SELECT sqlc.embed(b), coalesce(u.name, person_name(b.created_by), '')::text AS created_by_name
FROM   baselines AS b
LEFT   JOIN users AS u ON u.id = b.created_by
WHERE  b.owner_id = @owner_id AND b.project_id = @project_id AND b.name > @after
ORDER  BY b.name
LIMIT  @max_rows;

-- ExportChanges reads a page of a project's changes, the oldest first, with what they
-- replaced. The page ends with the first change beyond max_bytes of texts.
-- name: ExportChanges :many
SELECT sqlc.embed(c), coalesce(s.number, 0)::int AS spec_number, coalesce(u.name, person_name(c.actor_id), '')::text AS actor_name
FROM  (SELECT n.revision, n.number, sum(n.size) OVER along - n.size AS before
       FROM  (SELECT o.revision, o.number,
                     coalesce(octet_length(o.old_title), 0) + coalesce(octet_length(o.old_content), 0) + 16 * coalesce(cardinality(o.old_item_ids), 0) AS size
              FROM   changes AS o
              WHERE  o.owner_id = @owner_id AND o.project_id = @project_id AND (o.revision, o.number) > (@after_revision::bigint, @after_number::bigint)
              ORDER  BY o.revision, o.number
              LIMIT  @max_rows) AS n
       WINDOW along AS (ORDER BY n.revision, n.number ROWS UNBOUNDED PRECEDING)) AS p
JOIN   changes AS c ON c.owner_id = @owner_id AND c.project_id = @project_id AND c.revision = p.revision AND c.number = p.number
LEFT   JOIN specifications AS s ON s.owner_id = c.owner_id AND s.id = c.spec_id
LEFT   JOIN users AS u ON u.id = c.actor_id
WHERE  p.before <= @max_bytes::int
ORDER  BY c.revision, c.number;
