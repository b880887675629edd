-- begin read
-- tenant scope
SELECT s.id, s.project_id, s.owner_id, s.number, s.title, s.content, s.item_ids, s.next_item_number, s.version, s.created_at, s.updated_at, s.deleted_at, s.trashed, p.trashed AS project_trashed
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = :spec AND s.owner_id = :owner;
SELECT id, spec_id, owner_id, number, content, version, created_at, updated_at
FROM   bullet_items
WHERE  spec_id = :spec AND owner_id = :owner;
-- end
