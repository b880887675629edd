-- tenant scope
SELECT s.id, s.project_id, s.number, s.title, s.content, cardinality(s.item_ids), s.version, s.created_at, s.updated_at
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.owner_id = :owner AND s.id = :spec AND s.deleted_at IS NULL AND p.deleted_at IS NULL;
