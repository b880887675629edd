-- ListTokens reads the live tokens of a user, the newest first.
-- name: ListTokens :many
SELECT user_id, id, last4, name, scopes, created_at, expires_at, last_used_at, last_used_ip
FROM   api_tokens
WHERE  user_id = @user_id AND revoked_at IS NULL AND expires_at > now()
ORDER  BY created_at DESC, id DESC;

-- CountTokens counts the live tokens of a user.
-- name: CountTokens :one
SELECT count(*)
FROM   api_tokens
WHERE  user_id = @user_id AND revoked_at IS NULL AND expires_at > clock_timestamp();

-- InsertToken inserts a token, by the time of the database.
-- name: InsertToken :one
INSERT INTO api_tokens (user_id, id, hash, last4, name, scopes, created_at, expires_at)
SELECT @user_id, @id, @hash, @last4, @name, @scopes, at, at + make_interval(secs => @lifetime::bigint)
FROM   clock_timestamp() AS at
RETURNING created_at, expires_at;

-- RevokeToken revokes a live token of a user.
-- name: RevokeToken :one
UPDATE api_tokens
SET    revoked_at = clock_timestamp()
WHERE  user_id = @user_id AND id = @id AND revoked_at IS NULL AND expires_at > now()
RETURNING id;

-- TouchToken notes a use of a token: the time and the address once in ten minutes, and
-- each network that the token was not used from before. It returns whether there was such
-- a network, and no row if there is nothing to note.
-- name: TouchToken :one
UPDATE api_tokens AS t
SET    last_used_at = CASE WHEN o.due THEN clock_timestamp() ELSE t.last_used_at END,
       last_used_ip = CASE WHEN o.due THEN @ip ELSE t.last_used_ip END,
       networks = CASE WHEN o.known THEN t.networks ELSE (ARRAY[@network::text] || t.networks)[:32] END
FROM  (SELECT l.id, coalesce(l.last_used_at <= now() - interval '10 minutes', true) AS due, @network::text = ANY (l.networks) AS known
       FROM   api_tokens AS l
       WHERE  l.user_id = @user_id AND l.id = @id AND l.revoked_at IS NULL AND l.expires_at > now()
       FOR    NO KEY UPDATE) AS o
WHERE  t.user_id = @user_id AND t.id = o.id AND (o.due OR NOT o.known)
RETURNING (NOT o.known)::boolean AS new_network;
