-- GetSpecification reads one specification of the owner, and whether its project is
-- in the trash.
-- name: GetSpecification :one
SELECT sqlc.embed(s), p.trashed AS project_trashed
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = @id AND s.owner_id = @owner_id;

-- ListSpecifications reads the specifications of one project of the owner, a summary
-- without their contents. Order, cursor and limit are appended (inPages).
-- name: ListSpecifications :many
SELECT id, project_id, owner_id, number, title, CASE WHEN @summary::boolean THEN '' ELSE content END::text AS content,
       item_ids, next_item_number, version, created_at, updated_at, deleted_at, trashed, revision
FROM   specifications
WHERE  project_id = @project_id AND owner_id = @owner_id AND trashed = @trashed;

-- LockSpecification locks one specification. It returns the time at which the lock
-- was taken.
-- name: LockSpecification :one
SELECT sqlc.embed(s), p.trashed AS project_trashed, clock_timestamp()::timestamptz AS at
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = @id AND s.owner_id = @owner_id
FOR    NO KEY UPDATE OF s;

-- LockProjectAndSpecification locks both, the project first: the one order of locks.
-- name: LockProjectAndSpecification :one
SELECT sqlc.embed(p), sqlc.embed(s), clock_timestamp()::timestamptz AS at
FROM   specifications AS s
JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
WHERE  s.id = @id AND s.owner_id = @owner_id
FOR    NO KEY UPDATE OF p, s;

-- AddSpecification locks a project, and inserts a specification and counts it, if the
-- project is live, has one of the versions, and room. It returns the project as it was
-- before.
-- name: AddSpecification :one
WITH locked AS (
    SELECT p.*, clock_timestamp()::timestamptz AS at
    FROM   projects AS p
    WHERE  p.id = @project_id AND p.owner_id = @owner_id
    FOR    NO KEY UPDATE
), added AS (
    INSERT INTO specifications (id, project_id, owner_id, number, title, content, created_at, updated_at)
    SELECT @id, l.id, l.owner_id, l.next_specification_number, @title, @content, l.at, l.at
    FROM   locked AS l
    WHERE  NOT l.trashed
    AND    (sqlc.narg(versions)::bigint[] IS NULL OR l.version = ANY (sqlc.narg(versions)::bigint[]))
    AND    l.specification_count < @specification_limit::int
    RETURNING id
), counted AS (
    UPDATE projects AS p
    SET    specification_count = p.specification_count + 1, next_specification_number = p.next_specification_number + 1,
           updated_at = greatest(p.updated_at, l.at)
    FROM   locked AS l, added AS a
    WHERE  p.owner_id = l.owner_id AND p.id = l.id
    RETURNING p.id
)
SELECT l.*, EXISTS (SELECT FROM counted) AS written
FROM   locked AS l;

-- ChangeSpecification locks a specification and changes its texts, if it is live, has one
-- of the versions, and would differ. It returns the specification as it was before.
-- name: ChangeSpecification :one
WITH locked AS (
    SELECT s.*, p.trashed AS project_trashed, clock_timestamp()::timestamptz AS at
    FROM   specifications AS s
    JOIN   projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
    WHERE  s.id = @id AND s.owner_id = @owner_id
    FOR    NO KEY UPDATE OF s
), changed AS (
    UPDATE specifications AS s
    SET    title = coalesce(sqlc.narg(title)::text, s.title), content = coalesce(sqlc.narg(content)::text, s.content),
           updated_at = greatest(s.updated_at, l.at)
    FROM   locked AS l
    WHERE  s.owner_id = l.owner_id AND s.id = l.id
    AND    NOT (l.trashed OR l.project_trashed)
    AND    (sqlc.narg(versions)::bigint[] IS NULL OR l.version = ANY (sqlc.narg(versions)::bigint[]))
    AND    (sqlc.narg(title)::text <> l.title OR sqlc.narg(content)::text <> l.content)
    RETURNING s.id
)
SELECT l.*, EXISTS (SELECT FROM changed) AS written
FROM   locked AS l;

-- UpdateSpecification updates the texts of a specification that the transaction has locked.
-- name: UpdateSpecification :exec
UPDATE specifications
SET    title = @title, content = @content, updated_at = @updated_at
WHERE  id = @id AND owner_id = @owner_id;

-- TrashSpecification updates the texts of a locked specification, and moves it to the trash
-- or out of it.
-- name: TrashSpecification :exec
UPDATE specifications
SET    title = @title, content = @content, updated_at = @updated_at, deleted_at = @deleted_at
WHERE  id = @id AND owner_id = @owner_id;

-- UpdateItemList updates the order of a locked specification's items.
-- name: UpdateItemList :exec
UPDATE specifications
SET    item_ids = @item_ids, updated_at = @updated_at
WHERE  id = @id AND owner_id = @owner_id;

-- SetSpecificationTime sets the time of a specification whose items the transaction has
-- changed.
-- name: SetSpecificationTime :exec
UPDATE specifications
SET    updated_at = @updated_at
WHERE  id = @id AND owner_id = @owner_id;

-- UpdateSpecificationCounters updates the counters of a locked project.
-- name: UpdateSpecificationCounters :exec
UPDATE projects
SET    specification_count = @specification_count, next_specification_number = @next_specification_number, updated_at = @updated_at
WHERE  id = @id AND owner_id = @owner_id;
