BEGIN;
-- tenant scope
SELECT s.id, s.project_id, s.owner_id, s.number, s.title, s.content, s.item_ids, s.next_item_number, s.version, s.created_at, s.updated_at, s.deleted_at, s.trashed, p.trashed AS project_trashed, clock_timestamp()::timestamptz AS at
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = :spec AND s.owner_id = :owner
FOR    NO KEY UPDATE OF s;
SELECT id, spec_id, owner_id, number, content, version, created_at, updated_at
FROM   bullet_items
WHERE  spec_id = :spec AND owner_id = :owner;
-- round trip
UPDATE specifications
SET    item_ids = item_ids[2:9] || item_ids[1], next_item_number = 10, updated_at = clock_timestamp()
WHERE  id = :spec AND owner_id = :owner;
COMMIT;
