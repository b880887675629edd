-- TryLockIdempotencyKey takes the advisory lock of a key until the transaction ends.
-- It returns false while another transaction holds it: the first request with the
-- key is still running.
-- name: TryLockIdempotencyKey :one
SELECT pg_try_advisory_xact_lock(@lock::bigint);

-- LockOwnerForKeyShare locks the owner's row against deletion. The saved response
-- refers to it, so the foreign key takes this lock anyway. Here it comes before the
-- lock of the parent, in the one order of locks.
-- name: LockOwnerForKeyShare :one
SELECT id
FROM   users
WHERE  id = @owner_id
FOR    KEY SHARE;

-- GetSavedResponse reads the response to an earlier request with the key. It is a
-- statement of its own after TryLockIdempotencyKey, so it sees what was committed
-- before the lock was taken.
-- name: GetSavedResponse :one
SELECT request, answer, tenant_id
FROM   idempotency_keys
WHERE  owner_id = @owner_id AND key = @key AND created_at > now() - make_interval(secs => @ttl::float8);

-- DeleteExpiredIdempotencyKeys deletes the owner's keys that have expired.
-- name: DeleteExpiredIdempotencyKeys :exec
DELETE FROM idempotency_keys
WHERE  owner_id = @owner_id AND created_at <= @before;

-- SaveResponse inserts the response to the first request with the key.
-- name: SaveResponse :exec
INSERT INTO idempotency_keys (owner_id, key, request, answer, created_at, tenant_id)
VALUES (@owner_id, @key, @request, @answer, @created_at, sqlc.narg(tenant_id));
