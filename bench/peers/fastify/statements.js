// The statements. Each has a name, so pg prepares it once for each connection. The first
// statement of a request checks the session as well.

const session = "EXISTS (SELECT FROM sessions WHERE id = $3 AND user_id = $1 AND expires_at > now())";
const columns = "s.id, s.project_id, s.number, s.title, s.content, cardinality(s.item_ids) AS item_count, s.version, s.created_at, s.updated_at";
const returned = columns.replaceAll("s.", "");

const liveSpecification = (columns) => `
SELECT ${columns}
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.owner_id = $1 AND s.id = $2 AND s.deleted_at IS NULL AND p.deleted_at IS NULL AND ${session}`;

const liveProject = `
SELECT id, specification_count, next_number
FROM   projects
WHERE  owner_id = $1 AND id = $2 AND deleted_at IS NULL AND ${session}`;

const statement = (name, text) => ({ name, text });

export const readSpecification = statement("readSpecification", liveSpecification(columns));
export const lockSpecification = statement("lockSpecification", `${liveSpecification(`${columns}, s.next_item_number`)} FOR NO KEY UPDATE OF s`);
export const lockOrder = statement("lockOrder", `${liveSpecification("s.id, s.number, s.version, s.item_ids")} FOR NO KEY UPDATE OF s`);
export const readProject = statement("readProject", liveProject);
export const lockProject = statement("lockProject", `${liveProject} FOR NO KEY UPDATE`);

export const readItems = statement("readItems", `
SELECT i.*
FROM   specifications AS s
CROSS  JOIN unnest(s.item_ids) WITH ORDINALITY AS o (id, place)
JOIN   items AS i ON i.owner_id = s.owner_id AND i.id = o.id
WHERE  s.owner_id = $1 AND s.id = $2
ORDER  BY o.place`);

export const list = statement("list", `
SELECT ${columns}
FROM   specifications AS s
WHERE  s.owner_id = $1 AND s.project_id = $2 AND s.deleted_at IS NULL
ORDER  BY s.number LIMIT $3`);

export const updateSpecification = statement("updateSpecification", `
UPDATE specifications SET title = $3, content = $4, version = version + 1, updated_at = clock_timestamp()
WHERE  owner_id = $1 AND id = $2
RETURNING ${returned}`);

export const touchSpecification = statement("touchSpecification", `
UPDATE specifications SET version = version + 1, updated_at = clock_timestamp() WHERE owner_id = $1 AND id = $2`);

export const reorder = statement("reorder", `
UPDATE specifications SET item_ids = $3, version = version + 1, updated_at = clock_timestamp()
WHERE  owner_id = $1 AND id = $2
RETURNING version`);

export const appendItem = statement("appendItem", `
UPDATE specifications
SET    item_ids = item_ids || $3::uuid, next_item_number = next_item_number + 1, version = version + 1, updated_at = clock_timestamp()
WHERE  owner_id = $1 AND id = $2`);

export const insertSpecification = statement("insertSpecification", `
INSERT INTO specifications (owner_id, id, project_id, number, title, content, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, now(), now())
RETURNING ${returned}`);

export const countSpecification = statement("countSpecification", `
UPDATE projects
SET    specification_count = specification_count + 1, next_number = next_number + 1, updated_at = clock_timestamp()
WHERE  owner_id = $1 AND id = $2`);

export const findItem = statement("findItem", "SELECT specification_id FROM items WHERE owner_id = $1 AND id = $2");

export const updateItem = statement("updateItem", `
UPDATE items SET content = $3, version = version + 1, updated_at = clock_timestamp()
WHERE  owner_id = $1 AND id = $2 AND version = coalesce($4, version)
RETURNING *, (SELECT array_position(s.item_ids, $2) - 1 FROM specifications AS s WHERE s.owner_id = $1 AND s.id = specification_id) AS place`);

export const insertItem = statement("insertItem", `
INSERT INTO items (owner_id, id, specification_id, number, content, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, now(), now())
RETURNING *`);
