-- ClaimKey tells whether the key is free to use, and the answer it has if it
-- was used already. The lock ends with the transaction: whoever does not get it
-- knows that the first request still runs.
-- name: ClaimKey :one
SELECT pg_try_advisory_xact_lock(@lock::bigint) AS claimed,
       k.request, k.answer
FROM  (SELECT 1) AS always
LEFT   JOIN idempotency_keys AS k ON k.owner_id = @owner_id AND k.key = @key AND k.created_at > now() - make_interval(secs => @life::float8);

-- ForgetKeys removes the owner's keys that have served their time.
-- name: ForgetKeys :exec
DELETE FROM idempotency_keys
WHERE  owner_id = @owner_id AND created_at <= @before;

-- KeepAnswer remembers what was answered to the first request with the key.
-- name: KeepAnswer :exec
INSERT INTO idempotency_keys (owner_id, key, request, answer, created_at)
VALUES (@owner_id, @key, @request, @answer, @created_at);
