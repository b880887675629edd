BEGIN;
-- tenant scope
SELECT s.id, s.project_id, s.owner_id, s.number, s.title, s.content, s.item_ids, s.next_item_number, s.version, s.created_at, s.updated_at, s.deleted_at, s.trashed, p.trashed AS project_trashed, clock_timestamp()::timestamptz AS at
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = :spec AND s.owner_id = :owner
FOR    NO KEY UPDATE OF s;
-- round trip
UPDATE specifications
SET    title = 'Refunds', content = rpad('Revision ' || :r::bigint, 400, ' and so on'), updated_at = clock_timestamp(), deleted_at = NULL
WHERE  id = :spec AND owner_id = :owner;
COMMIT;
