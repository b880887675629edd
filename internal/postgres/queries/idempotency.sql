-- LockKey takes the key's lock until the transaction ends: whoever does not get
-- it knows that the first request still runs.
-- name: LockKey :one
SELECT pg_try_advisory_xact_lock(@lock::bigint);

-- HoldOwner holds the row of the owner against its deletion. The answer refers to
-- it, so this lock is taken anyway; here it comes before that of the parent, as
-- the one order of locks wants it.
-- name: HoldOwner :one
SELECT id
FROM   users
WHERE  id = @owner_id
FOR    KEY SHARE;

-- GetAnswer reads the answer to an earlier request with the key. It is a
-- statement of its own behind LockKey, so that it sees what was committed before
-- the lock was had.
-- name: GetAnswer :one
SELECT request, answer
FROM   idempotency_keys
WHERE  owner_id = @owner_id AND key = @key AND created_at > now() - make_interval(secs => @life::float8);

-- ForgetKeys removes the owner's keys that have served their time.
-- name: ForgetKeys :exec
DELETE FROM idempotency_keys
WHERE  owner_id = @owner_id AND created_at <= @before;

-- KeepAnswer remembers what was answered to the first request with the key.
-- name: KeepAnswer :exec
INSERT INTO idempotency_keys (owner_id, key, request, answer, created_at)
VALUES (@owner_id, @key, @request, @answer, @created_at);
