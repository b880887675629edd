-- InsertEvent inserts an audit event; its time is that of the database's clock.
-- name: InsertEvent :exec
INSERT INTO audit_events (id, actor_id, action, resource_type, resource_id, ip, user_agent, request_id, details)
VALUES (@id, @actor_id, @action, @resource_type, @resource_id, @ip, @user_agent, @request_id, @details);

-- ListEvents reads audit events before a cursor. Filters, order and limit are
-- appended (eventsClause).
-- name: ListEvents :many
SELECT *
FROM   audit_events
WHERE  (at, id) < (@before_at::timestamptz, @before_id::uuid);
