-- ResolveRevision reads the newest revision of a project, or of the project of a
-- specification, the oldest one that can be read, and the one that a point names: -1 if
-- it names nothing. It also reads whether both are live now.
-- name: ResolveRevision :one
SELECT p.id AS project_id, coalesce(h.revision, 0)::bigint AS head, coalesce(h.oldest, 0)::bigint AS oldest,
       (p.trashed OR coalesce(s.trashed, false))::boolean AS trashed, coalesce(s.version, 0)::bigint AS version,
       CASE
           WHEN sqlc.narg(revision)::bigint IS NOT NULL THEN sqlc.narg(revision)::bigint
           WHEN sqlc.narg(version)::bigint IS NOT NULL THEN coalesce((
               SELECT c.revision FROM changes AS c
               WHERE  c.owner_id = @owner_id AND c.spec_id = s.id AND c.spec_version <= sqlc.narg(version)::bigint
               ORDER  BY c.revision DESC LIMIT 1), 0)
           WHEN sqlc.narg(at)::timestamptz IS NOT NULL THEN coalesce((
               SELECT c.revision FROM changes AS c
               WHERE  c.owner_id = @owner_id AND c.project_id = p.id AND c.revised_at <= sqlc.narg(at)::timestamptz
               ORDER  BY c.revision DESC LIMIT 1),
               (SELECT 0 FROM changes AS c WHERE c.owner_id = @owner_id AND c.project_id = p.id AND c.spec_id IS NULL AND c.kind = 'project.created'), -1)
           WHEN sqlc.narg(baseline)::text IS NOT NULL THEN coalesce((
               SELECT b.revision FROM baselines AS b WHERE b.owner_id = @owner_id AND b.project_id = p.id AND b.name = sqlc.narg(baseline)::text), -1)
           ELSE coalesce(h.revision, 0)
       END::bigint AS revision
FROM   projects AS p
LEFT   JOIN project_revisions AS h ON h.owner_id = p.owner_id AND h.project_id = p.id
LEFT   JOIN specifications AS s ON s.owner_id = p.owner_id AND s.id = sqlc.narg(spec_id)::uuid
WHERE  p.owner_id = @owner_id AND p.id = coalesce(sqlc.narg(project_id)::uuid, s.project_id);

-- ListSpecificationChanges reads the changes of a specification after a revision, the
-- newest first, with what they replaced.
-- name: ListSpecificationChanges :many
SELECT *
FROM   changes
WHERE  owner_id = @owner_id AND spec_id = @spec_id AND revision > @after
ORDER  BY revision DESC, number DESC
LIMIT  @max_rows;

-- ListProjectChanges reads the changes of a project itself after a revision, the newest
-- first, with what they replaced.
-- name: ListProjectChanges :many
SELECT *
FROM   changes
WHERE  owner_id = @owner_id AND project_id = @project_id AND spec_id IS NULL AND revision > @after
ORDER  BY revision DESC, number DESC
LIMIT  @max_rows;

-- ListChanges reads the changes of a project, the newest first, without what they
-- replaced.
-- name: ListChanges :many
SELECT c.project_id, c.revision, c.number, c.kind, c.revised_at, c.actor_id, c.spec_id, c.item_id, c.item_number, c.spec_version, c.item_version,
       coalesce(s.number, 0)::int AS spec_number, coalesce(u.name, person_name(c.actor_id), '')::text AS actor_name,
       (CASE WHEN u.id IS NULL THEN person_is_bot(c.actor_id) ELSE u.managed_by IS NOT NULL END)::boolean AS actor_is_bot,
       coalesce(CASE WHEN c.token_id IS NOT NULL THEN person_token(c.actor_id, c.token_id) END, '')::text AS token_name
FROM   changes AS c
LEFT   JOIN specifications AS s ON s.owner_id = c.owner_id AND s.id = c.spec_id
LEFT   JOIN users AS u ON u.id = c.actor_id
WHERE  c.owner_id = @owner_id AND c.project_id = @project_id AND (c.revision, c.number) < (@before_revision::bigint, @before_number::bigint)
AND    (sqlc.narg(spec_id)::uuid IS NULL OR c.spec_id = sqlc.narg(spec_id)::uuid)
AND    (sqlc.narg(actor_id)::uuid IS NULL OR c.actor_id = sqlc.narg(actor_id)::uuid)
AND    (sqlc.narg(kind)::text IS NULL OR c.kind::text = sqlc.narg(kind)::text)
ORDER  BY c.revision DESC, c.number DESC
LIMIT  @max_rows;

-- ListChangesSince reads the changes of a project from the oldest to the newest.
-- name: ListChangesSince :many
SELECT c.project_id, c.revision, c.number, c.kind, c.revised_at, c.actor_id, c.spec_id, c.item_id, c.item_number, c.spec_version, c.item_version,
       coalesce(s.number, 0)::int AS spec_number, coalesce(u.name, person_name(c.actor_id), '')::text AS actor_name,
       (CASE WHEN u.id IS NULL THEN person_is_bot(c.actor_id) ELSE u.managed_by IS NOT NULL END)::boolean AS actor_is_bot,
       coalesce(CASE WHEN c.token_id IS NOT NULL THEN person_token(c.actor_id, c.token_id) END, '')::text AS token_name
FROM   changes AS c
LEFT   JOIN specifications AS s ON s.owner_id = c.owner_id AND s.id = c.spec_id
LEFT   JOIN users AS u ON u.id = c.actor_id
WHERE  c.owner_id = @owner_id AND c.project_id = @project_id AND (c.revision, c.number) > (@after_revision::bigint, @after_number::bigint)
AND    (sqlc.narg(spec_id)::uuid IS NULL OR c.spec_id = sqlc.narg(spec_id)::uuid)
AND    (sqlc.narg(actor_id)::uuid IS NULL OR c.actor_id = sqlc.narg(actor_id)::uuid)
AND    (sqlc.narg(kind)::text IS NULL OR c.kind::text = sqlc.narg(kind)::text)
ORDER  BY c.revision, c.number
LIMIT  @max_rows;

-- ListRevisions reads the changes of one page of the revisions of a specification, the
-- newest first, without what they replaced.
-- name: ListRevisions :many
SELECT c.project_id, c.revision, c.number, c.kind, c.revised_at, c.actor_id, c.spec_id, c.item_id, c.item_number, c.spec_version, c.item_version,
       coalesce(s.number, 0)::int AS spec_number, coalesce(u.name, person_name(c.actor_id), '')::text AS actor_name,
       (CASE WHEN u.id IS NULL THEN person_is_bot(c.actor_id) ELSE u.managed_by IS NOT NULL END)::boolean AS actor_is_bot,
       coalesce(CASE WHEN c.token_id IS NOT NULL THEN person_token(c.actor_id, c.token_id) END, '')::text AS token_name
FROM   changes AS c
LEFT   JOIN specifications AS s ON s.owner_id = c.owner_id AND s.id = c.spec_id
LEFT   JOIN users AS u ON u.id = c.actor_id
WHERE  c.owner_id = @owner_id AND c.spec_id = @spec_id
AND    c.revision IN (
    SELECT DISTINCT r.revision FROM changes AS r
    WHERE  r.owner_id = @owner_id AND r.spec_id = @spec_id AND r.revision < @before_revision::bigint
    ORDER  BY r.revision DESC LIMIT @max_rows)
ORDER  BY c.revision DESC, c.number DESC;

-- ListSpecificationsAt reads the specifications of a project that were live at a
-- revision, as they are now, by number.
-- name: ListSpecificationsAt :many
SELECT s.*
FROM   specifications AS s
WHERE  s.owner_id = @owner_id AND s.project_id = @project_id AND s.number > @after_number
AND    CASE WHEN s.revision <= @revision THEN NOT s.trashed
            ELSE coalesce((
                SELECT c.kind = 'specification.trashed' FROM changes AS c
                WHERE  c.owner_id = s.owner_id AND c.spec_id = s.id AND c.revision > @revision
                AND    c.kind IN ('specification.created', 'specification.trashed', 'specification.restored')
                ORDER  BY c.revision, c.number LIMIT 1), NOT s.trashed) END
ORDER  BY s.number
LIMIT  @max_rows;

-- ListChangesOfSpecifications reads the changes of several specifications after a
-- revision, the newest first, with what they replaced.
-- name: ListChangesOfSpecifications :many
SELECT *
FROM   changes
WHERE  owner_id = @owner_id AND spec_id = ANY (@spec_ids::uuid[]) AND revision > @after
ORDER  BY revision DESC, number DESC
LIMIT  @max_rows;

-- GetDeletion reads the last deletion of an item.
-- name: GetDeletion :one
SELECT *
FROM   changes
WHERE  owner_id = @owner_id AND item_id = @item_id AND kind = 'item.deleted'
ORDER  BY revision DESC, number DESC
LIMIT  1;

-- DeleteSavedResponses deletes the saved responses that contain a specification, also those
-- of members.
-- name: DeleteSavedResponses :exec
DELETE FROM idempotency_keys
WHERE (owner_id = @owner_id OR tenant_id = @owner_id) AND position(@spec_id::text IN answer) > 0;

-- DeleteSavedResponsesOfProject deletes the saved responses that contain a project, or one
-- of its specifications, also those of members.
-- name: DeleteSavedResponsesOfProject :exec
DELETE FROM idempotency_keys AS k
WHERE (k.owner_id = @owner_id OR k.tenant_id = @owner_id)
AND    (position((@project_id::uuid)::text IN k.answer) > 0
        OR EXISTS (SELECT FROM specifications AS s
                   WHERE  s.owner_id = @owner_id AND s.project_id = @project_id::uuid AND position(s.id::text IN k.answer) > 0));

-- GetProjectRevision reads the newest revision of a project, 0 without one.
-- name: GetProjectRevision :one
SELECT coalesce(max(revision), 0)::bigint
FROM   project_revisions
WHERE  owner_id = @owner_id AND project_id = @project_id;

-- GetProjectHead reads the newest revision of a locked project and the name of its owner,
-- for a response that shows it.
-- name: GetProjectHead :one
SELECT coalesce((SELECT r.revision FROM project_revisions AS r WHERE r.owner_id = p.owner_id AND r.project_id = p.id), 0)::bigint AS revision,
       (SELECT u.name FROM users AS u WHERE u.id = p.owner_id)::text AS owner_name
FROM   projects AS p
WHERE  p.owner_id = @owner_id AND p.id = @project_id;

-- ListItemsOfSpecifications reads the items of several specifications, the contents only
-- if they are wanted.
-- name: ListItemsOfSpecifications :many
SELECT id, spec_id, owner_id, number, CASE WHEN @contents::boolean THEN content ELSE '' END::text AS content, version, created_at, updated_at, place
FROM   bullet_items
WHERE  owner_id = @owner_id AND spec_id = ANY (@spec_ids::uuid[]);

-- LockSpecificationsSince locks the specifications of a project that changed after a
-- revision, in the order of their ids.
-- name: LockSpecificationsSince :many
SELECT *
FROM   specifications
WHERE  project_id = @project_id AND owner_id = @owner_id AND revision > @after
ORDER  BY id
FOR    NO KEY UPDATE;

-- ListLocations reads which of the items exist, and where.
-- name: ListLocations :many
SELECT id, spec_id
FROM   bullet_items
WHERE  owner_id = @owner_id AND id = ANY (@item_ids::uuid[]);

-- GetLiveRevision reads the newest revision of a live project, 0 without one.
-- name: GetLiveRevision :one
SELECT coalesce(h.revision, 0)::bigint AS revision
FROM   projects AS p
LEFT   JOIN project_revisions AS h ON h.owner_id = p.owner_id AND h.project_id = p.id
WHERE  p.owner_id = @owner_id AND p.id = @project_id AND p.deleted_at IS NULL;

-- ListNewestRevisions reads the newest revision of each project that has one, by id.
-- name: ListNewestRevisions :many
SELECT project_id, revision
FROM   project_revisions
WHERE  owner_id = @owner_id
ORDER  BY project_id;

-- ListSpecificationsChanged reads the specifications of a project that changed after a
-- revision, as they are now, by number.
-- name: ListSpecificationsChanged :many
SELECT *
FROM   specifications
WHERE  owner_id = @owner_id AND project_id = @project_id AND number > @after_number AND revision > @revision
ORDER  BY number
LIMIT  @max_rows;
