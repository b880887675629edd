BEGIN;
-- tenant scope
SELECT p.id, p.owner_id, p.title, p.description, p.specification_count, p.next_specification_number, p.version, p.created_at, p.updated_at, p.deleted_at, p.trashed, clock_timestamp()::timestamptz AS at
FROM   projects AS p
WHERE  p.id = :spare AND p.owner_id = :owner
FOR    NO KEY UPDATE;
-- round trip
INSERT INTO specifications (id, project_id, owner_id, number, title, content, created_at, updated_at)
VALUES (:new, :spare, :owner, (SELECT next_specification_number FROM projects WHERE id = :spare AND owner_id = :owner), 'Refunds', rpad('Created ', 400, ' and so on'), clock_timestamp(), clock_timestamp());
UPDATE projects
SET    specification_count = specification_count + 1, next_specification_number = next_specification_number + 1, updated_at = clock_timestamp()
WHERE  id = :spare AND owner_id = :owner;
COMMIT;
