-- CallerRole reads the role of whom the transaction acts for; empty for somebody
-- who is suspended.
-- name: CallerRole :one
SELECT coalesce(app_user_role(), '')::text;

-- AppointAdmin makes the user who is signing in an admin.
-- name: AppointAdmin :exec
SELECT appoint_admin();

-- ListUsers reads the users from before a place on, the newest first: those with
-- the text in their name or address, whatever its case.
-- name: ListUsers :many
SELECT *
FROM   users
WHERE  (created_at, id) < (@before_at::timestamptz, @before_id::uuid)
AND   (@search::text = '' OR strpos(lower(email), lower(@search::text)) > 0 OR strpos(lower(name), lower(@search::text)) > 0)
ORDER  BY created_at DESC, id DESC
LIMIT  @most;
