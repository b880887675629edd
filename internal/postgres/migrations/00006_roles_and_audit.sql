-- Roles and suspension act, what matters is written down where the service can
-- only add to it, and what has served its time is forgotten.

-- +goose Up

-- The role of whom the transaction acts for: from the row at this moment, never
-- from a token. NULL for somebody who is suspended or gone.
-- +goose StatementBegin
CREATE FUNCTION app_user_role() RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT u.role FROM public.users AS u WHERE u.id = public.app_user_id() AND u.suspended_at IS NULL);
END
$$;
-- +goose StatementEnd

-- Auditors and admins see people, never what people own. PostgreSQL asks policies
-- in the order of their names, backwards: for one's own row users_self has
-- answered before this one would ask for the role.
CREATE POLICY users_by_staff ON users FOR SELECT TO codegenapp_app
    USING ((SELECT app_user_role()) IN ('auditor', 'admin'));
CREATE INDEX users_by_created_at ON users (created_at, id);

-- What happened, who did it, and from where. It refers to nobody, so that it
-- outlives the account. The service adds to it; nothing changes or removes a row.
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
-- Nobody's events are those of people who did not get in. CASE, because OR may
-- ask for the user where there is none.
CREATE POLICY audit_events_own ON audit_events FOR INSERT TO codegenapp_app
    WITH CHECK (CASE WHEN actor_id IS NULL THEN true ELSE actor_id = (SELECT app_user_id()) END);
CREATE POLICY audit_events_staff ON audit_events FOR SELECT TO codegenapp_app
    USING ((SELECT app_user_role()) IN ('auditor', 'admin'));
GRANT SELECT ON audit_events TO codegenapp_app;
GRANT INSERT (id, actor_id, action, resource_type, resource_id, ip, user_agent, request_id, details) ON audit_events TO codegenapp_app;

-- Changes another user's role or suspension, NULL leaves it, and ends the
-- sessions of whom it suspends. It answers what was before, and no row where
-- there is no such user. The service has no right to write these columns.
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
    -- Both are held, so that of two admins who change each other the later one
    -- finds out that it is none any more.
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

-- Makes the user who is signing in an admin: those whom the operator named.
-- +goose StatementBegin
CREATE FUNCTION appoint_admin() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE public.users AS u SET role = 'admin' WHERE u.id = public.app_user_id();
END
$$;
-- +goose StatementEnd

-- An ID token signs in once, also when the account it signed in is deleted while
-- the token could still be used: its hash stays, as nobody's.
-- Until the end of this step the owner is not under the policies, which would ask
-- for a caller when the key is checked.
ALTER TABLE users          NO FORCE ROW LEVEL SECURITY;
ALTER TABLE used_id_tokens NO FORCE ROW LEVEL SECURITY;
ALTER TABLE used_id_tokens ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE used_id_tokens DROP CONSTRAINT used_id_tokens_user_fkey;
ALTER TABLE used_id_tokens ADD CONSTRAINT used_id_tokens_user_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL;
ALTER TABLE used_id_tokens FORCE ROW LEVEL SECURITY;
ALTER TABLE users          FORCE ROW LEVEL SECURITY;
CREATE INDEX used_id_tokens_by_expiry ON used_id_tokens (expires_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- What nobody can use any more: ID tokens that have expired, and sessions that
-- have been over for thirty days. At most so many rows of each at a time.
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
