package main

// The statements do the work of the product's. They need not be equal to them: before it
// measures, bench compares the responses of both servers.

const connectSQL = `
SELECT set_config('statement_timeout', '3s', false), set_config('lock_timeout', '1s', false),
       set_config('plan_cache_mode', 'force_generic_plan', false)`

const scopeSQL = `
SELECT live, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', CASE WHEN live THEN $2::uuid::text ELSE '' END, true), set_config('statement_timeout', '3s', true), set_config('lock_timeout', '1s', true), set_config('idle_in_transaction_session_timeout', '10s', true), set_config('plan_cache_mode', 'force_generic_plan', true)
FROM   live_session($1, $2) AS live`

const specificationColumns = `s.id, s.project_id, s.owner_id, s.number, s.title, s.content, s.item_ids, s.next_item_number, s.version, s.created_at, s.updated_at, s.deleted_at, s.trashed`

const getSpecificationSQL = `
SELECT ` + specificationColumns + `, p.trashed AS project_trashed
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = $1 AND s.owner_id = $2`

const listItemsSQL = `
SELECT id, spec_id, owner_id, number, content, version, created_at, updated_at
FROM   bullet_items
WHERE  spec_id = $1 AND owner_id = $2`

const getProjectSQL = `
SELECT id, owner_id, title, description, specification_count, next_specification_number, version, created_at, updated_at, deleted_at, trashed
FROM   projects
WHERE  id = $1 AND owner_id = $2`

const listSpecificationsSQL = `SELECT id, project_id, owner_id, number, title, content, item_ids, next_item_number, version, created_at, updated_at, deleted_at, trashed ` +
	`FROM specifications WHERE project_id = $1 AND owner_id = $2 AND trashed = $3  ORDER BY number ASC, id ASC LIMIT $4`

const lockSpecificationSQL = `
SELECT ` + specificationColumns + `, p.trashed AS project_trashed, clock_timestamp()::timestamptz AS at
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = $1 AND s.owner_id = $2
FOR    NO KEY UPDATE OF s`

const lockProjectSQL = `
SELECT p.id, p.owner_id, p.title, p.description, p.specification_count, p.next_specification_number, p.version, p.created_at, p.updated_at, p.deleted_at, p.trashed, clock_timestamp()::timestamptz AS at
FROM   projects AS p
WHERE  p.id = $1 AND p.owner_id = $2
FOR    NO KEY UPDATE`

const insertItemSQL = `
INSERT INTO bullet_items (id, spec_id, owner_id, number, content, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)`

const updateItemListSQL = `
UPDATE specifications
SET    item_ids = $1, next_item_number = $2, updated_at = $3
WHERE  id = $4 AND owner_id = $5`

const insertSpecificationSQL = `
INSERT INTO specifications (id, project_id, owner_id, number, title, content, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

const updateSpecificationSQL = `
UPDATE specifications
SET    title = $1, content = $2, updated_at = $3, deleted_at = $4
WHERE  id = $5 AND owner_id = $6`

const countSpecificationSQL = `
UPDATE projects
SET    specification_count = $1, next_specification_number = $2, updated_at = $3
WHERE  id = $4 AND owner_id = $5`
