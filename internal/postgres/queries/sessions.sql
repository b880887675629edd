-- LockScopedUser locks the row of the tenant scope's user.
-- name: LockScopedUser :one
SELECT *
FROM   users
WHERE  id = app_user_id()
FOR    NO KEY UPDATE;

-- GetScopedUserID returns the user of the tenant scope.
-- name: GetScopedUserID :one
SELECT id::uuid
FROM   app_user_id() AS id;

-- InsertUser inserts the user of a first sign-in.
-- name: InsertUser :exec
INSERT INTO users (id, issuer, subject, email, name, picture_url, created_at, last_login_at)
VALUES (@id, @issuer, @subject, @email, @name, @picture_url, @created_at, @last_login_at);

-- UpdateUserAtSignIn stores the provider's current profile.
-- name: UpdateUserAtSignIn :exec
UPDATE users
SET    email = @email, picture_url = @picture_url, last_login_at = @last_login_at
WHERE  id = @id;

-- InsertUsedIDToken marks an ID token as used. Its primary key rejects a token that
-- was used before.
-- name: InsertUsedIDToken :exec
INSERT INTO used_id_tokens (hash, expires_at)
VALUES (@hash, @expires_at);

-- InsertSession inserts a new session.
-- name: InsertSession :exec
INSERT INTO sessions (id, user_id, salt, created_at, last_used_at, expires_at, ends_at, user_agent, ip)
VALUES (@id, @user_id, @salt, @created_at, @last_used_at, @expires_at, @ends_at, @user_agent, @ip);

-- ListExcessSessions reads the live sessions of the tenant scope's user, without the
-- newest max_others.
-- name: ListExcessSessions :many
SELECT id
FROM   sessions
WHERE  user_id = app_user_id() AND revoked_at IS NULL AND expires_at > clock_timestamp() AND ends_at > clock_timestamp()
ORDER  BY created_at DESC, id DESC
OFFSET @max_others::int;

-- LockSession locks a session of the tenant scope's user, and reads it with that
-- user. It returns the time at which the lock was taken.
-- name: LockSession :one
SELECT sqlc.embed(s), sqlc.embed(u), clock_timestamp()::timestamptz AS at
FROM   sessions AS s
JOIN   users AS u ON u.id = s.user_id
WHERE  s.id = @id AND s.user_id = app_user_id()
FOR    NO KEY UPDATE OF s;

-- UpdateSession updates a session that was refreshed or revoked.
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

-- RevokeSession revokes one live session of the user.
-- name: RevokeSession :one
UPDATE sessions
SET    revoked_at = clock_timestamp()
WHERE  id = @id AND user_id = @user_id AND revoked_at IS NULL AND expires_at > now() AND ends_at > now()
RETURNING id;

-- RevokeAllSessions revokes every session of the user, if the given one is not
-- revoked, and returns their ids.
-- name: RevokeAllSessions :many
UPDATE sessions AS s
SET    revoked_at = clock_timestamp()
WHERE  s.user_id = @user_id AND s.revoked_at IS NULL
AND    EXISTS (SELECT FROM sessions AS own
               WHERE  own.id = @id AND own.user_id = @user_id AND own.revoked_at IS NULL)
RETURNING s.id;

-- RevokeOwnSession revokes a session, also one that has expired. It returns the id
-- unless the session was revoked before.
-- name: RevokeOwnSession :many
UPDATE sessions
SET    revoked_at = clock_timestamp()
WHERE  id = @id AND user_id = @user_id AND revoked_at IS NULL
RETURNING id;
