-- ListItems reads the items of one specification of the owner, in no order: the
-- order is the list on the specification's row.
-- name: ListItems :many
SELECT *
FROM   bullet_items
WHERE  spec_id = @spec_id AND owner_id = @owner_id;

-- GetItem reads one item of the owner with its place in the list, the number of its
-- specification, and whether that or the project is in the trash.
-- name: GetItem :one
SELECT sqlc.embed(i), (array_position(s.item_ids, i.id) - 1)::int AS place, s.number AS specification_number, (s.trashed OR p.trashed)::bool AS trashed
FROM   bullet_items AS i
JOIN   specifications AS s ON s.owner_id = i.owner_id AND s.id = i.spec_id
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  i.id = @id AND i.owner_id = @owner_id;

-- ListProjectItems reads the live items of a project in reading order: by the number of
-- the specification, then by the place in its list. It begins behind an item, or where that
-- was if it is not in the list any more. The page ends with the first item beyond max_bytes
-- of content.
-- name: ListProjectItems :many
SELECT paged.id, paged.spec_id, paged.owner_id, paged.number, paged.content, paged.version, paged.created_at, paged.updated_at,
       paged.specification_number, paged.at_place
FROM  (SELECT i.id, i.spec_id, i.owner_id, i.number, i.content, i.version, i.created_at, i.updated_at,
              l.specification_number, l.at_place, sum(octet_length(i.content)) OVER along - octet_length(i.content) AS before
       FROM  (SELECT s.owner_id, s.number AS specification_number, e.item_id::uuid AS item_id, e.at_place::int AS at_place
              FROM   specifications AS s
              CROSS  JOIN LATERAL (SELECT u.item_id, u.ordinality - 1 AS at_place
                                   FROM   unnest(s.item_ids) WITH ORDINALITY AS u (item_id, ordinality)
                                   WHERE  s.number > @after_specification::int
                                   OR     u.ordinality > coalesce(array_position(s.item_ids, @after_item::uuid), @after_place::int)) AS e
              WHERE  s.project_id = @project_id AND s.owner_id = @owner_id AND NOT s.trashed AND s.number >= @after_specification::int
              ORDER  BY s.number, e.at_place
              LIMIT  @page_size::int) AS l
       JOIN   bullet_items AS i ON i.owner_id = l.owner_id AND i.id = l.item_id
       WINDOW along AS (ORDER BY l.specification_number, l.at_place ROWS UNBOUNDED PRECEDING)) AS paged
WHERE  paged.before <= @max_bytes::int
ORDER  BY paged.specification_number, paged.at_place;

-- FindProjectItems reads those live items of a project that have one of the references, in
-- reading order and from the same position as ListProjectItems.
-- name: FindProjectItems :many
SELECT i.id, i.spec_id, i.owner_id, i.number, i.content, i.version, i.created_at, i.updated_at,
       s.number AS specification_number, (array_position(s.item_ids, i.id) - 1)::int AS at_place
FROM  (SELECT unnest(@specification_numbers::int[]) AS specification_number, unnest(@item_numbers::int[]) AS item_number) AS r
JOIN   specifications AS s ON s.owner_id = @owner_id AND s.project_id = @project_id AND s.number = r.specification_number AND NOT s.trashed
JOIN   bullet_items AS i ON i.owner_id = s.owner_id AND i.spec_id = s.id AND i.number = r.item_number
WHERE  s.number > @after_specification::int
OR     s.number = @after_specification::int
       AND array_position(s.item_ids, i.id) > coalesce(array_position(s.item_ids, @after_item::uuid), @after_place::int)
ORDER  BY s.number, array_position(s.item_ids, i.id)
LIMIT  @page_size::int;

-- AddItem locks a specification and inserts an item, if the specification is live, has one
-- of the versions, and room for the item at the place. It returns the specification as it
-- was before. The trigger of the item changes the list.
-- name: AddItem :one
WITH locked AS (
    SELECT s.*, p.trashed AS project_trashed, clock_timestamp()::timestamptz AS at
    FROM   specifications AS s
    JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
    WHERE  s.id = @spec_id AND s.owner_id = @owner_id
    FOR    NO KEY UPDATE OF s
), added AS (
    INSERT INTO bullet_items (id, spec_id, owner_id, place, content, created_at, updated_at)
    SELECT @id, l.id, l.owner_id, sqlc.narg(place)::int, @content, l.at, l.at
    FROM   locked AS l
    WHERE  NOT (l.trashed OR l.project_trashed)
    AND    (sqlc.narg(versions)::bigint[] IS NULL OR l.version = ANY (sqlc.narg(versions)::bigint[]))
    AND    cardinality(l.item_ids) < @item_limit::int
    AND    coalesce(sqlc.narg(place)::int, 0) BETWEEN 0 AND cardinality(l.item_ids)
    RETURNING id
)
SELECT l.*, EXISTS (SELECT FROM added) AS written
FROM   locked AS l;

-- ChangeItem locks an item's specification and the item, and changes the item, if it is
-- live, has one of the versions, and would differ. It returns both as they were before.
-- The trigger of the item changes the list.
-- name: ChangeItem :one
WITH locked AS (
    SELECT s.*, i.id AS item_id, i.number AS item_number, i.content AS item_content, i.version AS item_version,
           i.created_at AS item_created_at, i.updated_at AS item_updated_at,
           p.trashed AS project_trashed, clock_timestamp()::timestamptz AS at
    FROM   bullet_items AS i
    JOIN   specifications AS s ON s.owner_id = i.owner_id AND s.id = i.spec_id
    JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
    WHERE  i.id = @id AND i.owner_id = @owner_id
    FOR    NO KEY UPDATE OF s, i
), changed AS (
    UPDATE bullet_items AS i
    SET    content = coalesce(sqlc.narg(content)::text, i.content), place = sqlc.narg(place)::int, updated_at = greatest(i.updated_at, l.at)
    FROM   locked AS l
    WHERE  i.owner_id = l.owner_id AND i.id = l.item_id
    AND    NOT (l.trashed OR l.project_trashed)
    AND    (sqlc.narg(versions)::bigint[] IS NULL OR l.item_version = ANY (sqlc.narg(versions)::bigint[]))
    AND    coalesce(sqlc.narg(place)::int, 0) BETWEEN 0 AND cardinality(l.item_ids) - 1
    AND    (sqlc.narg(content)::text <> l.item_content OR sqlc.narg(place)::int <> array_position(l.item_ids, l.item_id) - 1)
    RETURNING i.id
)
SELECT l.*, EXISTS (SELECT FROM changed) AS written
FROM   locked AS l;

-- RemoveItem locks an item's specification and the item, and deletes the item for good, if
-- it is live and has one of the versions. It returns both as they were before. The trigger
-- of the item changes the list.
-- name: RemoveItem :one
WITH locked AS (
    SELECT s.*, i.id AS item_id, i.number AS item_number, i.content AS item_content, i.version AS item_version,
           i.created_at AS item_created_at, i.updated_at AS item_updated_at,
           p.trashed AS project_trashed, clock_timestamp()::timestamptz AS at
    FROM   bullet_items AS i
    JOIN   specifications AS s ON s.owner_id = i.owner_id AND s.id = i.spec_id
    JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
    WHERE  i.id = @id AND i.owner_id = @owner_id
    FOR    NO KEY UPDATE OF s, i
), removed AS (
    DELETE FROM bullet_items AS i
    USING  locked AS l
    WHERE  i.owner_id = l.owner_id AND i.id = l.item_id
    AND    NOT (l.trashed OR l.project_trashed)
    AND    (sqlc.narg(versions)::bigint[] IS NULL OR l.item_version = ANY (sqlc.narg(versions)::bigint[]))
    RETURNING i.id
)
SELECT l.*, EXISTS (SELECT FROM removed) AS written
FROM   locked AS l;

-- DeleteItems deletes items of a locked specification. The trigger of the items changes
-- the list.
-- name: DeleteItems :exec
DELETE FROM bullet_items
WHERE  id = ANY (@item_ids::uuid[]) AND spec_id = @spec_id AND owner_id = @owner_id;

-- InsertItems inserts items with their numbers into a locked specification, one after the
-- other. The trigger of the items changes the list. An item that was deleted before gets
-- its next version.
-- name: InsertItems :exec
INSERT INTO bullet_items (id, spec_id, owner_id, number, place, content, created_at, updated_at)
SELECT n.id, @spec_id, @owner_id, n.number, n.place, n.content, n.created_at, @at
FROM   (SELECT unnest(@item_ids::uuid[]) AS id, unnest(@numbers::int[]) AS number, unnest(@places::int[]) AS place,
               unnest(@contents::text[]) AS content, unnest(@created_at::timestamptz[]) AS created_at) AS n
ORDER  BY n.place;

-- UpdateItems changes the contents of items of a locked specification.
-- name: UpdateItems :exec
UPDATE bullet_items AS i
SET    content = n.content, updated_at = greatest(i.updated_at, @at)
FROM   (SELECT unnest(@item_ids::uuid[]) AS id, unnest(@contents::text[]) AS content) AS n
WHERE  i.id = n.id AND i.spec_id = @spec_id AND i.owner_id = @owner_id;

-- LockSpecificationsOfMove locks the specification of an item and another one, in the
-- order of their ids.
-- name: LockSpecificationsOfMove :many
SELECT sqlc.embed(s), p.trashed AS project_trashed
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.owner_id = @owner_id
AND    s.id = ANY (ARRAY[(SELECT i.spec_id FROM bullet_items AS i WHERE i.id = @item_id AND i.owner_id = @owner_id), @target::uuid])
ORDER  BY s.id
FOR    NO KEY UPDATE OF s;

-- LockItem locks one item. It returns the time at which the lock was taken.
-- name: LockItem :one
SELECT sqlc.embed(i), clock_timestamp()::timestamptz AS at
FROM   bullet_items AS i
WHERE  i.id = @id AND i.owner_id = @owner_id
FOR    NO KEY UPDATE;

-- MoveItem moves a locked item to a place of a locked specification of the same project.
-- The trigger of the item changes the lists and gives it its number.
-- name: MoveItem :exec
UPDATE bullet_items
SET    spec_id = @spec_id, place = @place, updated_at = @updated_at
WHERE  id = @id AND owner_id = @owner_id;
