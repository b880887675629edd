-- GetCallerRole reads the role of the tenant scope's user; empty if the user is
-- suspended.
-- name: GetCallerRole :one
SELECT coalesce(app_user_role(), '')::text;

-- GrantAdmin makes the user who is signing in an admin.
-- name: GrantAdmin :exec
SELECT appoint_admin();

-- ListUsers reads users before a cursor, the newest first: those with the text in
-- their name or address, ignoring case.
-- name: ListUsers :many
SELECT *
FROM   users
WHERE  (created_at, id) < (@before_at::timestamptz, @before_id::uuid)
AND   (@search::text = '' OR strpos(lower(email), lower(@search::text)) > 0 OR strpos(lower(name), lower(@search::text)) > 0)
ORDER  BY created_at DESC, id DESC
LIMIT  @max_rows;
