-- ListItems reads the items of one specification of the owner, in no order: the
-- order is the list on the specification's row.
-- name: ListItems :many
SELECT *
FROM   bullet_items
WHERE  spec_id = @spec_id AND owner_id = @owner_id;

-- GetItem reads one item of the owner with its place in the list, and whether the
-- specification or its project is in the trash.
-- name: GetItem :one
SELECT sqlc.embed(i), (array_position(s.item_ids, i.id) - 1)::int AS place, (s.trashed OR p.trashed)::bool AS trashed
FROM   bullet_items AS i
JOIN   specifications AS s ON s.owner_id = i.owner_id AND s.id = i.spec_id
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  i.id = @id AND i.owner_id = @owner_id;

-- LockItem locks an item's specification and then the item.
-- name: LockItem :one
SELECT sqlc.embed(s), sqlc.embed(i), p.trashed AS project_trashed, clock_timestamp()::timestamptz AS at
FROM   bullet_items AS i
JOIN   specifications AS s ON s.owner_id = i.owner_id AND s.id = i.spec_id
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  i.id = @id AND i.owner_id = @owner_id
FOR    NO KEY UPDATE OF s, i;

-- InsertItem inserts a new item.
-- name: InsertItem :exec
INSERT INTO bullet_items (id, spec_id, owner_id, number, content, created_at, updated_at)
VALUES (@id, @spec_id, @owner_id, @number, @content, @created_at, @updated_at);

-- UpdateItem updates an item that the transaction has locked.
-- name: UpdateItem :exec
UPDATE bullet_items
SET    content = @content, updated_at = @updated_at
WHERE  id = @id AND owner_id = @owner_id;

-- DeleteItem deletes an item for good.
-- name: DeleteItem :exec
DELETE FROM bullet_items
WHERE  id = @id AND owner_id = @owner_id;
