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
