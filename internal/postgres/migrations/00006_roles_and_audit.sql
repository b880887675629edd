-- Roles and suspension, an append-only audit, and the deletion of expired rows.

-- +goose Up

-- Returns the role of the tenant scope's user: from the row at this moment, never from
-- a token. NULL for a user that is suspended or deleted.
-- +goose StatementBegin
CREATE FUNCTION app_user_role() RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT u.role FROM public.users AS u WHERE u.id = public.app_user_id() AND u.suspended_at IS NULL);
END
$$;
-- +goose StatementEnd

-- Auditors and admins see users, never what users own. PostgreSQL evaluates policies in
-- reverse order of their names: for the caller's own row users_self comes first, so
-- the role is not looked up.
CREATE POLICY users_by_staff ON users FOR SELECT TO codegenapp_app
    USING ((SELECT app_user_role()) IN ('auditor', 'admin'));
CREATE INDEX users_by_created_at ON users (created_at, id);

-- What happened, which user did it, and from where. It has no foreign key, so events
-- outlive the account. The service inserts; it can neither update nor delete.
CREATE TABLE audit_events (
    id            uuid        CONSTRAINT audit_events_pkey PRIMARY KEY,
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_id      uuid,
    action        text        NOT NULL CONSTRAINT audit_events_action_form CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
    resource_type text        NOT NULL,
    resource_id   uuid,
    ip            text        NOT NULL,
    user_agent    text        NOT NULL,
    request_id    text        NOT NULL,
    details       jsonb       NOT NULL DEFAULT '{}' CONSTRAINT audit_events_details_object CHECK (jsonb_typeof(details) = 'object')
);
CREATE INDEX audit_events_by_at     ON audit_events (at, id);
CREATE INDEX audit_events_by_actor  ON audit_events (actor_id, at, id);
CREATE INDEX audit_events_by_action ON audit_events (action, at, id);

ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_events FORCE  ROW LEVEL SECURITY;
-- Events without an actor are those of rejected sign-ins. CASE, because OR may evaluate
-- app_user_id() where no user is set.
CREATE POLICY audit_events_own ON audit_events FOR INSERT TO codegenapp_app
    WITH CHECK (CASE WHEN actor_id IS NULL THEN true ELSE actor_id = (SELECT app_user_id()) END);
CREATE POLICY audit_events_staff ON audit_events FOR SELECT TO codegenapp_app
    USING ((SELECT app_user_role()) IN ('auditor', 'admin'));
GRANT SELECT ON audit_events TO codegenapp_app;
GRANT INSERT (id, actor_id, action, resource_type, resource_id, ip, user_agent, request_id, details) ON audit_events TO codegenapp_app;

-- Changes another user's role or suspension; NULL leaves a value unchanged. It revokes
-- the sessions of a user that it suspends. It returns the values before, and no row if
-- the user does not exist. The service has no right to write these columns.
CREATE POLICY users_administered ON users FOR UPDATE TO CURRENT_USER USING (true);
CREATE POLICY sessions_administered ON sessions FOR UPDATE TO CURRENT_USER USING (true);
-- +goose StatementBegin
CREATE FUNCTION change_user(target uuid, new_role text, suspend boolean)
    RETURNS TABLE (was_role text, was_suspended boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller uuid := public.app_user_id();
BEGIN
    -- Both rows are locked. If two admins change each other, the later change reads
    -- the new role of its caller, and fails.
    PERFORM FROM public.users AS u WHERE u.id IN (caller, target) ORDER BY u.id FOR NO KEY UPDATE;
    IF target = caller OR public.app_user_role() IS DISTINCT FROM 'admin' THEN
        RAISE EXCEPTION 'only an admin changes another user' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT u.role, u.suspended_at IS NOT NULL INTO was_role, was_suspended FROM public.users AS u WHERE u.id = target;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE public.users AS u
    SET    role = coalesce(new_role, u.role),
           suspended_at = CASE WHEN suspend IS NULL THEN u.suspended_at WHEN suspend THEN coalesce(u.suspended_at, clock_timestamp()) END
    WHERE  u.id = target;
    IF suspend THEN
        UPDATE public.sessions AS s SET revoked_at = clock_timestamp() WHERE s.user_id = target AND s.revoked_at IS NULL;
    END IF;
    RETURN NEXT;
END
$$;
-- +goose StatementEnd

-- Makes the user who is signing in an admin. The operator configures which users.
-- +goose StatementBegin
CREATE FUNCTION appoint_admin() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE public.users AS u SET role = 'admin' WHERE u.id = public.app_user_id();
END
$$;
-- +goose StatementEnd

-- An ID token signs in once, also if its account is deleted before it expires: its hash
-- stays, without a user.
-- Until the end of this migration the policies do not apply to the owner. They would
-- need a caller when the foreign key is checked.
ALTER TABLE users          NO FORCE ROW LEVEL SECURITY;
ALTER TABLE used_id_tokens NO FORCE ROW LEVEL SECURITY;
ALTER TABLE used_id_tokens ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE used_id_tokens DROP CONSTRAINT used_id_tokens_user_fkey;
ALTER TABLE used_id_tokens ADD CONSTRAINT used_id_tokens_user_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL;
ALTER TABLE used_id_tokens FORCE ROW LEVEL SECURITY;
ALTER TABLE users          FORCE ROW LEVEL SECURITY;
CREATE INDEX used_id_tokens_by_expiry ON used_id_tokens (expires_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Deletes expired ID tokens, and sessions that ended thirty days ago. The parameter
-- bounds the rows of each table.
CREATE POLICY used_id_tokens_expired ON used_id_tokens FOR SELECT TO CURRENT_USER USING (expires_at < now());
CREATE POLICY used_id_tokens_forgotten ON used_id_tokens FOR DELETE TO CURRENT_USER USING (expires_at < now());
CREATE POLICY sessions_forgotten ON sessions FOR DELETE TO CURRENT_USER USING (expires_at < now() - interval '30 days');
-- +goose StatementBegin
CREATE FUNCTION forget_expired(most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tokens   bigint;
    sessions bigint;
BEGIN
    DELETE FROM public.used_id_tokens AS t
    WHERE  t.hash IN (SELECT o.hash FROM public.used_id_tokens AS o WHERE o.expires_at < now() ORDER BY o.expires_at LIMIT most);
    GET DIAGNOSTICS tokens = ROW_COUNT;
    DELETE FROM public.sessions AS s
    WHERE  s.id IN (SELECT o.id FROM public.sessions AS o WHERE o.expires_at < now() - interval '30 days' ORDER BY o.expires_at LIMIT most);
    GET DIAGNOSTICS sessions = ROW_COUNT;
    RETURN tokens + sessions;
END
$$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION app_user_role(), change_user(uuid, text, boolean), appoint_admin(), forget_expired(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app_user_role(), change_user(uuid, text, boolean), appoint_admin(), forget_expired(integer) TO codegenapp_app;

-- +goose Down
DROP FUNCTION forget_expired(integer);
DROP POLICY sessions_forgotten ON sessions;
DROP POLICY used_id_tokens_forgotten ON used_id_tokens;
DROP POLICY used_id_tokens_expired ON used_id_tokens;
DROP INDEX sessions_by_expiry;
DROP INDEX used_id_tokens_by_expiry;
ALTER TABLE users          NO FORCE ROW LEVEL SECURITY;
ALTER TABLE used_id_tokens NO FORCE ROW LEVEL SECURITY;
DELETE FROM used_id_tokens WHERE user_id IS NULL;
ALTER TABLE used_id_tokens DROP CONSTRAINT used_id_tokens_user_fkey;
ALTER TABLE used_id_tokens ADD CONSTRAINT used_id_tokens_user_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
ALTER TABLE used_id_tokens ALTER COLUMN user_id SET NOT NULL;
ALTER TABLE used_id_tokens FORCE ROW LEVEL SECURITY;
ALTER TABLE users          FORCE ROW LEVEL SECURITY;
DROP FUNCTION appoint_admin();
DROP FUNCTION change_user(uuid, text, boolean);
DROP POLICY sessions_administered ON sessions;
DROP POLICY users_administered ON users;
DROP TABLE audit_events;
DROP INDEX users_by_created_at;
DROP POLICY users_by_staff ON users;
DROP FUNCTION app_user_role();
