-- InsertEvent adds to the audit; the database's clock says when.
-- name: InsertEvent :exec
INSERT INTO audit_events (id, actor_id, action, resource_type, resource_id, ip, user_agent, request_id, details)
VALUES (@id, @actor_id, @action, @resource_type, @resource_id, @ip, @user_agent, @request_id, @details);
