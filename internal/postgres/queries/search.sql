-- Search finds live projects, specifications and items of the owner by their texts: in one
-- project, or in all; of one kind, or of all. A text matches if it is like all patterns in
-- words, matches all expressions in exact, and none in without. The page ends with the
-- first hit beyond max_bytes of content.
--
-- The rank is 0 for a title, 2 for an item and 4 for other texts, and one more where the
-- expressions in whole do not match. Texts are compared in lower case by ASCII alone,
-- whatever the locale of the database. Each OFFSET 0 keeps PostgreSQL from computing an
-- expression again at each use, and from reading the items before their project. After
-- max_seconds no more texts are read.
-- name: Search :many
SELECT paged.kind, paged.project_id, paged.specification_id, paged.item_id, paged.specification_number, paged.item_number,
       paged.title, paged.content, paged.updated_at, paged.id, paged.rank
FROM  (SELECT hit.*, sum(octet_length(hit.content)) OVER along - octet_length(hit.content) AS before
       FROM  (SELECT matching.*
              FROM  (SELECT 'project' AS kind, p.id AS project_id, '00000000-0000-0000-0000-000000000000'::uuid AS specification_id,
                            '00000000-0000-0000-0000-000000000000'::uuid AS item_id, 0 AS specification_number, 0 AS item_number,
                            p.title::text AS title, p.description AS content, p.updated_at, p.id::uuid AS id,
                            (CASE WHEN p.folded_title LIKE ALL (@words::text[]) AND p.folded_title ~ ALL (@exact::text[])
                                  THEN CASE WHEN p.folded_title ~ ALL (@whole::text[]) THEN 0 ELSE 1 END
                                  ELSE CASE WHEN p.folded ~ ALL (@whole::text[]) THEN 4 ELSE 5 END END)::int AS rank
                     FROM  (SELECT p.id, p.title, p.description, p.updated_at,
                                   lower(p.title COLLATE "C") AS folded_title, lower((p.title || E'\n' || p.description) COLLATE "C") AS folded
                            FROM   projects AS p
                            WHERE  p.owner_id = @owner_id AND NOT p.trashed AND @kind::text IN ('', 'project')
                            AND    (sqlc.narg(project_id)::uuid IS NULL OR p.id = sqlc.narg(project_id)::uuid)
                            AND    clock_timestamp() < now() + make_interval(secs => @max_seconds::float8) OFFSET 0) AS p
                     WHERE  p.folded LIKE ALL (@words::text[]) AND p.folded ~ ALL (@exact::text[]) AND NOT p.folded ~ ANY (@without::text[])
                     UNION  ALL
                     SELECT 'specification', p.id, s.id, '00000000-0000-0000-0000-000000000000', s.number, 0, s.title, s.content, s.updated_at, s.id,
                            CASE WHEN s.folded_title LIKE ALL (@words::text[]) AND s.folded_title ~ ALL (@exact::text[])
                                 THEN CASE WHEN s.folded_title ~ ALL (@whole::text[]) THEN 0 ELSE 1 END
                                 ELSE CASE WHEN s.folded ~ ALL (@whole::text[]) THEN 4 ELSE 5 END END
                     FROM   projects AS p
                     CROSS  JOIN LATERAL (SELECT s.id, s.number, s.title, s.content, s.updated_at,
                                                 lower(s.title COLLATE "C") AS folded_title, lower((s.title || E'\n' || s.content) COLLATE "C") AS folded
                                          FROM   specifications AS s
                                          WHERE  s.owner_id = p.owner_id AND s.project_id = p.id AND NOT s.trashed
                                          AND    clock_timestamp() < now() + make_interval(secs => @max_seconds::float8) OFFSET 0) AS s
                     WHERE  p.owner_id = @owner_id AND NOT p.trashed AND @kind::text IN ('', 'specification')
                     AND    (sqlc.narg(project_id)::uuid IS NULL OR p.id = sqlc.narg(project_id)::uuid)
                     AND    s.folded LIKE ALL (@words::text[]) AND s.folded ~ ALL (@exact::text[]) AND NOT s.folded ~ ANY (@without::text[])
                     UNION  ALL
                     SELECT 'item', p.id, s.id, i.id, s.number, i.number, s.title, i.content, i.updated_at, i.id,
                            CASE WHEN i.folded ~ ALL (@whole::text[]) THEN 2 ELSE 3 END
                     FROM   projects AS p
                     CROSS  JOIN LATERAL (SELECT s.owner_id, s.id, s.number, s.title
                                          FROM   specifications AS s
                                          WHERE  s.owner_id = p.owner_id AND s.project_id = p.id AND NOT s.trashed OFFSET 0) AS s
                     CROSS  JOIN LATERAL (SELECT i.id, i.number, i.content, i.updated_at, lower(i.content COLLATE "C") AS folded
                                          FROM   bullet_items AS i
                                          WHERE  i.owner_id = s.owner_id AND i.spec_id = s.id
                                          AND    clock_timestamp() < now() + make_interval(secs => @max_seconds::float8) OFFSET 0) AS i
                     WHERE  p.owner_id = @owner_id AND NOT p.trashed AND @kind::text IN ('', 'item')
                     AND    (sqlc.narg(project_id)::uuid IS NULL OR p.id = sqlc.narg(project_id)::uuid)
                     AND    i.folded LIKE ALL (@words::text[]) AND i.folded ~ ALL (@exact::text[]) AND NOT i.folded ~ ANY (@without::text[])
                     OFFSET 0) AS matching
              WHERE  matching.rank > @after_rank::int
              OR     matching.rank = @after_rank::int AND (matching.updated_at, matching.id) < (@after_updated_at::timestamptz, @after_id::uuid)
              ORDER  BY matching.rank, matching.updated_at DESC, matching.id DESC
              LIMIT  @page_size::int) AS hit
       WINDOW along AS (ORDER BY hit.rank, hit.updated_at DESC, hit.id DESC ROWS UNBOUNDED PRECEDING)) AS paged
WHERE  paged.before <= @max_bytes::int
ORDER  BY paged.rank, paged.updated_at DESC, paged.id DESC;

-- SearchedAll reports whether the search in the same transaction had time for all texts.
-- name: SearchedAll :one
SELECT (clock_timestamp() < now() + make_interval(secs => @max_seconds::float8))::boolean AS searched_all;

-- ListMemberships reads which projects others share with a user, the oldest first. The row
-- beyond those that a search reads shows that there are more.
-- name: ListMemberships :many
SELECT owner_id, project_id
FROM   project_members
WHERE  user_id = @user_id AND removed_at IS NULL
ORDER  BY created_at, project_id
LIMIT  1000;
