package main

// The statements of reads, and the calls of the functions in functions.sql.

// scopeSQL checks the session, and sets the user of the policies until the end of the
// batch. It has no row if the session has ended.
const scopeSQL = `
SELECT set_config('app.user_id', user_id::text, true)
FROM   sessions
WHERE  id = $1 AND user_id = $2 AND expires_at > clock_timestamp()`

const readSpecificationSQL = `
SELECT s.id, s.project_id, s.number, s.title, s.content, cardinality(s.item_ids), s.version, s.created_at, s.updated_at
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.owner_id = $1 AND s.id = $2 AND s.deleted_at IS NULL AND p.deleted_at IS NULL`

// readItemsSQL finds the items by the array of their specification, in its order.
const readItemsSQL = `
SELECT i.id, i.specification_id, s.number, i.number, i.content, i.version, i.created_at, i.updated_at
FROM   specifications AS s
CROSS  JOIN unnest(s.item_ids) WITH ORDINALITY AS o (id, place)
JOIN   items AS i ON i.owner_id = s.owner_id AND i.id = o.id
WHERE  s.owner_id = $1 AND s.id = $2
ORDER  BY o.place`

// listSpecificationsSQL has a row without a specification if the project has none, and
// no row if there is no such project.
const listSpecificationsSQL = `
SELECT s.id, s.number, s.title, s.content, cardinality(s.item_ids), s.version, s.created_at, s.updated_at
FROM   projects AS p
LEFT   JOIN LATERAL (
    SELECT * FROM specifications AS s
    WHERE  s.owner_id = p.owner_id AND s.project_id = p.id AND s.deleted_at IS NULL
    ORDER  BY s.number LIMIT $3
) AS s ON true
WHERE  p.owner_id = $1 AND p.id = $2 AND p.deleted_at IS NULL
ORDER  BY s.number`

const (
	createItemSQL          = `SELECT * FROM create_item($1, $2, $3, $4, $5)`
	createSpecificationSQL = `SELECT * FROM create_specification($1, $2, $3, $4, $5, $6)`
	updateSpecificationSQL = `SELECT * FROM update_specification($1, $2, $3, $4, $5, $6)`
	updateItemSQL          = `SELECT * FROM update_item($1, $2, $3, $4, $5)`
	reorderItemsSQL        = `SELECT * FROM reorder_items($1, $2, $3, $4, $5)`
)

// The statements of a creation with an Idempotency-Key. The transaction locks the key
// until its end, so that of two equal requests one creates and the other one replays.
const (
	lockKeySQL      = `SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text || $2::text, 0))`
	readResponseSQL = `SELECT request, etag, location, body FROM saved_responses WHERE owner_id = $1 AND key = $2`
	saveResponseSQL = `INSERT INTO saved_responses (owner_id, key, request, etag, location, body) VALUES ($1, $2, $3, $4, $5, $6)`
)
