-- begin read
-- tenant scope
SELECT id, owner_id, title, description, specification_count, next_specification_number, version, created_at, updated_at, deleted_at, trashed
FROM   projects
WHERE  id = :project AND owner_id = :owner;
SELECT id, project_id, owner_id, number, title, content, item_ids, next_item_number, version, created_at, updated_at, deleted_at, trashed
FROM   specifications
WHERE  project_id = :project AND owner_id = :owner AND trashed = false
ORDER  BY number ASC, id ASC
LIMIT  21;
-- end
