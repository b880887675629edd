-- Bots and API tokens. A bot is a user that belongs to a person: it has no identity at a
-- provider, so it cannot sign in, and it owns nothing. An API token is a credential of a
-- person or a bot beside the session (decision 0047).

-- +goose Up

-- Locks the tables before anything is changed. See migration 7.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '300ms', true);
    FOR attempt IN 1..300 LOOP
        BEGIN
            LOCK TABLE users, changes IN ACCESS EXCLUSIVE MODE;
            RETURN;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM pg_sleep(0.5 + random() / 2);
        END;
    END LOOP;
    RAISE EXCEPTION 'the tables were in use for minutes, by a backup or an export perhaps; nothing was changed, so migrate again'
        USING ERRCODE = 'lock_not_available';
END
$$;
-- +goose StatementEnd

-- Until the end of this migration the policies do not apply to the owner. They would
-- need a caller when the foreign key is checked.
ALTER TABLE users NO FORCE ROW LEVEL SECURITY;

-- The person that a bot belongs to; NULL for a person. NOT VALID, because the present
-- rows are known to comply: none of them is a bot.
ALTER TABLE users ADD COLUMN managed_by uuid;
ALTER TABLE users
    ADD CONSTRAINT users_manager_fkey FOREIGN KEY (managed_by) REFERENCES users (id) ON DELETE CASCADE NOT VALID,
    ADD CONSTRAINT users_bot_identity CHECK (CASE WHEN managed_by IS NULL THEN issuer <> 'codegenapp' ELSE issuer = 'codegenapp' AND subject = id::text END) NOT VALID,
    ADD CONSTRAINT users_bot_role CHECK (managed_by IS NULL OR role = 'user') NOT VALID,
    ADD CONSTRAINT users_bot_owns_nothing CHECK (managed_by IS NULL OR project_count = 0) NOT VALID;
CREATE INDEX users_manager_fkey_idx ON users (managed_by, created_at, id);

-- A person manages their bots. PostgreSQL evaluates policies in reverse order of their
-- names, so for the caller's own row users_self still comes first.
CREATE POLICY users_managed ON users TO codegenapp_app
    USING (managed_by = (SELECT app_user_id())) WITH CHECK (managed_by = (SELECT app_user_id()));
GRANT INSERT (managed_by) ON users TO codegenapp_app;

CREATE TABLE api_tokens (
    user_id      uuid        NOT NULL CONSTRAINT api_tokens_user_fkey REFERENCES users ON DELETE CASCADE,
    id           uuid        NOT NULL,
    -- SHA-256 of the secret. The service writes it, and cannot read it.
    hash         bytea       NOT NULL CONSTRAINT api_tokens_hash_length CHECK (octet_length(hash) = 32),
    last4        text        NOT NULL CONSTRAINT api_tokens_last4_length CHECK (char_length(last4) = 4),
    name         text        NOT NULL CONSTRAINT api_tokens_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    scopes       text[]      NOT NULL CONSTRAINT api_tokens_scopes_known
        CHECK (cardinality(scopes) >= 1 AND cardinality(scopes) <= 4 AND scopes <@ ARRAY['read', 'write', 'generate', 'manage']),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    last_used_ip text,
    -- The networks that the token was used from, the newest first.
    networks     text[]      NOT NULL DEFAULT '{}' CONSTRAINT api_tokens_networks_bounded CHECK (cardinality(networks) <= 32),
    revoked_at   timestamptz,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (user_id, id)
);
CREATE INDEX api_tokens_live ON api_tokens (user_id, created_at, id) WHERE revoked_at IS NULL;
CREATE INDEX api_tokens_by_end ON api_tokens (least(expires_at, revoked_at));

ALTER TABLE api_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_tokens FORCE  ROW LEVEL SECURITY;
CREATE POLICY api_tokens_own ON api_tokens TO codegenapp_app
    USING (user_id = (SELECT app_user_id())) WITH CHECK (user_id = (SELECT app_user_id()));
CREATE POLICY api_tokens_managed ON api_tokens TO codegenapp_app
    USING (EXISTS (SELECT FROM users AS u WHERE u.id = user_id AND u.managed_by = (SELECT app_user_id())))
    WITH CHECK (EXISTS (SELECT FROM users AS u WHERE u.id = user_id AND u.managed_by = (SELECT app_user_id())));
GRANT SELECT (user_id, id, last4, name, scopes, created_at, expires_at, last_used_at, last_used_ip, networks, revoked_at) ON api_tokens TO codegenapp_app;
GRANT INSERT (user_id, id, hash, last4, name, scopes, created_at, expires_at) ON api_tokens TO codegenapp_app;
GRANT UPDATE (last_used_at, last_used_ip, networks, revoked_at) ON api_tokens TO codegenapp_app;

-- The owner of the tables looks up what the functions below return, and deletes what has
-- ended thirty days ago.
CREATE POLICY api_tokens_lookup ON api_tokens FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY api_tokens_forgotten ON api_tokens FOR DELETE TO CURRENT_USER USING (least(expires_at, revoked_at) < now() - interval '30 days');

-- Reports whether a token is live, and has the scope that is needed: NULL if it is live
-- without that scope. Every token may read; an empty scope needs no other than that. The
-- caller is not known yet, so it runs as the owner. It checks one token at a time, and
-- only together with its user and the hash of its secret.
-- +goose StatementBegin
CREATE FUNCTION live_token(caller uuid, token uuid, secret_hash bytea, needed text) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sufficient boolean;
BEGIN
    SELECT needed IN ('', 'read') OR needed = ANY (t.scopes) AND (needed <> 'manage' OR u.managed_by IS NULL)
    INTO   sufficient
    FROM   public.api_tokens AS t
    JOIN   public.users AS u ON u.id = t.user_id
    LEFT   JOIN public.users AS m ON m.id = u.managed_by
    WHERE  t.user_id = caller AND t.id = token AND t.hash = secret_hash
    AND    t.revoked_at IS NULL AND t.expires_at > now() AND u.suspended_at IS NULL AND m.suspended_at IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    RETURN nullif(sufficient, false);
END
$$;
-- +goose StatementEnd

-- Reports for each of several tokens whether it is live, in their order. The streams of
-- events ask once a second.
-- +goose StatementBegin
CREATE FUNCTION live_tokens(callers uuid[], tokens uuid[], hashes bytea[]) RETURNS TABLE (live boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT public.live_token(w.caller, w.token, w.hash, '')
    FROM   unnest(callers, tokens, hashes) WITH ORDINALITY AS w (caller, token, hash, place)
    ORDER  BY w.place;
END
$$;
-- +goose StatementEnd

-- Deletes tokens that ended thirty days ago. The parameter bounds the rows.
-- +goose StatementBegin
CREATE FUNCTION forget_tokens(most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tokens bigint;
BEGIN
    DELETE FROM public.api_tokens AS t
    WHERE (t.user_id, t.id) IN (SELECT o.user_id, o.id FROM public.api_tokens AS o
                                WHERE  least(o.expires_at, o.revoked_at) < now() - interval '30 days'
                                ORDER  BY least(o.expires_at, o.revoked_at) LIMIT most);
    GET DIAGNOSTICS tokens = ROW_COUNT;
    RETURN tokens;
END
$$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION live_token(uuid, uuid, bytea, text), live_tokens(uuid[], uuid[], bytea[]), forget_tokens(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION live_token(uuid, uuid, bytea, text), live_tokens(uuid[], uuid[], bytea[]), forget_tokens(integer) TO codegenapp_app;

-- The API token of a change; NULL for a session. The first statement of a transaction sets
-- it (internal/postgres/credential.go). The triggers that write changes do not name the
-- column, so they need no change.
ALTER TABLE changes ADD COLUMN token_id uuid;
ALTER TABLE changes ALTER COLUMN token_id SET DEFAULT nullif(current_setting('app.token_id', true), '')::uuid;

-- As person_name of migration 16: whether a person of the scope's projects is a bot, and the
-- name of an API token that wrote a change.
-- +goose StatementBegin
CREATE FUNCTION person_is_bot(person uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN public.person_name(person) IS NOT NULL AND EXISTS (SELECT FROM public.users AS u WHERE u.id = person AND u.managed_by IS NOT NULL);
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION person_token(person uuid, token uuid) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT t.name FROM public.api_tokens AS t
            WHERE  t.user_id = person AND t.id = token
            AND   (person IN (public.app_user_id(), nullif(current_setting('app.owner_id', true), '')::uuid)
                   OR public.person_name(person) IS NOT NULL
                   OR EXISTS (SELECT FROM public.users AS u WHERE u.id = person AND u.managed_by = public.app_user_id())));
END
$$;
-- +goose StatementEnd
-- Makes a bot of the tenant scope's user a member of a project of that user. The caller has
-- locked the project. A bot of another person, or another owner's project, is an error.
-- +goose StatementBegin
CREATE FUNCTION add_bot(project uuid, bot uuid, bot_role text, at timestamptz) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.users AS u WHERE u.id = bot AND u.managed_by = public.app_user_id()) THEN
        RAISE EXCEPTION 'the bot belongs to another person' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.project_members AS m (owner_id, project_id, user_id, role, created_at)
    VALUES (public.app_user_id(), project, bot, bot_role, at)
    ON     CONFLICT ON CONSTRAINT project_members_pkey DO UPDATE SET role = excluded.role, created_at = excluded.created_at, removed_at = NULL;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION add_bot(uuid, uuid, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_bot(uuid, uuid, text, timestamptz) TO codegenapp_app;
REVOKE ALL ON FUNCTION person_is_bot(uuid), person_token(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION person_is_bot(uuid), person_token(uuid, uuid) TO codegenapp_app, codegenapp_editor, codegenapp_viewer;
GRANT SELECT (managed_by) ON users TO codegenapp_editor, codegenapp_viewer;

ALTER TABLE users FORCE ROW LEVEL SECURITY;

-- +goose Down
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '300ms', true);
    FOR attempt IN 1..300 LOOP
        BEGIN
            LOCK TABLE users, changes, api_tokens IN ACCESS EXCLUSIVE MODE;
            RETURN;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM pg_sleep(0.5 + random() / 2);
        END;
    END LOOP;
    RAISE EXCEPTION 'the tables were in use for minutes, by a backup or an export perhaps; nothing was changed, so migrate again'
        USING ERRCODE = 'lock_not_available';
END
$$;
-- +goose StatementEnd
ALTER TABLE changes DROP COLUMN token_id;
DROP FUNCTION person_is_bot(uuid), person_token(uuid, uuid), add_bot(uuid, uuid, text, timestamptz);
REVOKE SELECT (managed_by) ON users FROM codegenapp_editor, codegenapp_viewer;
DROP FUNCTION forget_tokens(integer);
DROP FUNCTION live_tokens(uuid[], uuid[], bytea[]);
DROP FUNCTION live_token(uuid, uuid, bytea, text);
DROP TABLE api_tokens;
ALTER TABLE users NO FORCE ROW LEVEL SECURITY;
-- The release before takes a bot for a person.
DELETE FROM users WHERE managed_by IS NOT NULL;
REVOKE INSERT (managed_by) ON users FROM codegenapp_app;
DROP POLICY users_managed ON users;
DROP INDEX users_manager_fkey_idx;
ALTER TABLE users
    DROP CONSTRAINT users_bot_owns_nothing,
    DROP CONSTRAINT users_bot_role,
    DROP CONSTRAINT users_bot_identity,
    DROP CONSTRAINT users_manager_fkey,
    DROP COLUMN managed_by;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
