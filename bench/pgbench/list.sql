-- tenant scope
SELECT s.id, s.number, s.title, s.content, cardinality(s.item_ids), s.version, s.created_at, s.updated_at
FROM   projects AS p
LEFT   JOIN LATERAL (
    SELECT * FROM specifications AS s
    WHERE  s.owner_id = p.owner_id AND s.project_id = p.id AND s.deleted_at IS NULL
    ORDER  BY s.number LIMIT 21
) AS s ON true
WHERE  p.owner_id = :owner AND p.id = :project AND p.deleted_at IS NULL
ORDER  BY s.number;
