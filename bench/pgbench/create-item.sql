BEGIN;
-- tenant scope
SELECT s.id, s.project_id, s.owner_id, s.number, s.title, s.content, s.item_ids, s.next_item_number, s.version, s.created_at, s.updated_at, s.deleted_at, s.trashed, p.trashed AS project_trashed, clock_timestamp()::timestamptz AS at
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = :spec AND s.owner_id = :owner
FOR    NO KEY UPDATE OF s;
-- round trip
INSERT INTO bullet_items (id, spec_id, owner_id, number, content, created_at, updated_at)
VALUES (:new, :spec, :owner, (SELECT next_item_number FROM specifications WHERE id = :spec AND owner_id = :owner), 'Refunds above 500 need a second person, who is not the first.', clock_timestamp(), clock_timestamp());
UPDATE specifications
SET    item_ids = item_ids || :new, next_item_number = next_item_number + 1, updated_at = clock_timestamp()
WHERE  id = :spec AND owner_id = :owner;
COMMIT;
