-- LockSignedIn holds the row of the user that the transaction is confined to.
-- name: LockSignedIn :one
SELECT *
FROM   users
WHERE  id = app_user_id()
FOR    NO KEY UPDATE;

-- ConfinedTo tells whom the transaction is confined to.
-- name: ConfinedTo :one
SELECT id::uuid
FROM   app_user_id() AS id;

-- InsertUser keeps somebody who signs in for the first time.
-- name: InsertUser :exec
INSERT INTO users (id, issuer, subject, email, name, picture_url, created_at, last_login_at)
VALUES (@id, @issuer, @subject, @email, @name, @picture_url, @created_at, @last_login_at);

-- UpdateUserAtLogin keeps what the provider says now.
-- name: UpdateUserAtLogin :exec
UPDATE users
SET    email = @email, picture_url = @picture_url, last_login_at = @last_login_at
WHERE  id = @id;

-- UseIDToken refuses, by its primary key, a token that was used before.
-- name: UseIDToken :exec
INSERT INTO used_id_tokens (hash, expires_at)
VALUES (@hash, @expires_at);

-- InsertSession begins a session.
-- name: InsertSession :exec
INSERT INTO sessions (id, user_id, salt, created_at, last_used_at, expires_at, ends_at, user_agent, ip)
VALUES (@id, @user_id, @salt, @created_at, @last_used_at, @expires_at, @ends_at, @user_agent, @ip);

-- EndOldestSessions leaves at most keep live sessions.
-- name: EndOldestSessions :exec
UPDATE sessions AS s
SET    revoked_at = @at::timestamptz
FROM  (SELECT l.id
       FROM   sessions AS l
       WHERE  l.user_id = @user_id AND l.revoked_at IS NULL AND l.expires_at > @at::timestamptz
       ORDER  BY l.created_at DESC, l.id DESC
       OFFSET @keep::int) AS old
WHERE  s.user_id = @user_id AND s.id = old.id;

-- LockSession holds a session of the user that the transaction is confined to,
-- with that user, and tells the time at which the lock was had.
-- name: LockSession :one
SELECT sqlc.embed(s), sqlc.embed(u), clock_timestamp()::timestamptz AS at
FROM   sessions AS s
JOIN   users AS u ON u.id = s.user_id
WHERE  s.id = @id AND s.user_id = app_user_id()
FOR    NO KEY UPDATE OF s;

-- UpdateSession keeps a session that was refreshed or ended.
-- name: UpdateSession :exec
UPDATE sessions
SET    counter = @counter, last_used_at = @last_used_at, expires_at = @expires_at, revoked_at = @revoked_at
WHERE  id = @id AND user_id = @user_id;

-- ListSessions reads the user's live sessions, the newest first.
-- name: ListSessions :many
SELECT *
FROM   sessions
WHERE  user_id = @user_id AND revoked_at IS NULL AND expires_at > now() AND ends_at > now()
ORDER  BY created_at DESC, id DESC;

-- EndSession ends one live session of the user.
-- name: EndSession :one
UPDATE sessions
SET    revoked_at = clock_timestamp()
WHERE  id = @id AND user_id = @user_id AND revoked_at IS NULL AND expires_at > now() AND ends_at > now()
RETURNING id;

-- EndAllSessions ends every session of the user, if the given one is live, and
-- tells which.
-- name: EndAllSessions :many
UPDATE sessions AS s
SET    revoked_at = clock_timestamp()
WHERE  s.user_id = @user_id AND s.revoked_at IS NULL
AND    EXISTS (SELECT FROM sessions AS own
               WHERE  own.id = @id AND own.user_id = @user_id AND own.revoked_at IS NULL)
RETURNING s.id;

-- EndOwnSession ends a session whatever its state, and tells whether it was not
-- ended before.
-- name: EndOwnSession :many
UPDATE sessions
SET    revoked_at = clock_timestamp()
WHERE  id = @id AND user_id = @user_id AND revoked_at IS NULL
RETURNING id;
