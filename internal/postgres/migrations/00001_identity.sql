-- Users, their sessions, and the role of the service.
--
-- Tenant scope: each transaction of the service begins by taking on the role
-- codegenapp_app and the caller's id (internal/postgres/rls.go). Policies compare
-- the owner of a row with the setting app.user_id. It is read without "missing_ok":
-- a statement without a caller is an error, not an empty list. The sub-select makes
-- it a value that is computed once per statement.

-- +goose Up
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'codegenapp_app') THEN
        CREATE ROLE codegenapp_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
EXCEPTION
    -- Roles belong to the whole cluster: another database's migration was first.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;
-- +goose StatementEnd

-- The migrating role becomes a member of the service's role, so one URL is enough to
-- try everything. A superuser needs no membership.
-- +goose StatementBegin
DO $$
BEGIN
    -- Since PostgreSQL 16 the creator of a role is a member of it without SET, so the
    -- membership is granted whether or not it exists.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT codegenapp_app TO %I', current_user);
    END IF;
END
$$;
-- +goose StatementEnd

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;
-- +goose StatementEnd
GRANT USAGE ON SCHEMA public TO codegenapp_app;

-- The user of the transaction's tenant scope.
-- +goose StatementBegin
CREATE FUNCTION app_user_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('app.user_id')::uuid;
-- +goose StatementEnd

CREATE TABLE users (
    id            uuid        CONSTRAINT users_pkey PRIMARY KEY,
    issuer        text        NOT NULL,
    subject       text        NOT NULL,
    email         text        NOT NULL,
    name          text        NOT NULL CONSTRAINT users_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
    picture_url   text,
    role          text        NOT NULL DEFAULT 'user' CONSTRAINT users_role_known CHECK (role IN ('user', 'auditor', 'admin')),
    suspended_at  timestamptz,
    -- Live projects, without the trash. It changes under the lock of this row.
    project_count integer     NOT NULL DEFAULT 0 CONSTRAINT users_project_count_sane CHECK (project_count >= 0),
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_login_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT users_identity_key UNIQUE (issuer, subject)
);

CREATE TABLE sessions (
    id           uuid        CONSTRAINT sessions_pkey PRIMARY KEY,
    user_id      uuid        NOT NULL CONSTRAINT sessions_user_fkey REFERENCES users ON DELETE CASCADE,
    -- The session's refresh tokens are derived from it; none of them is stored.
    salt         bytea       NOT NULL CONSTRAINT sessions_salt_length CHECK (octet_length(salt) = 16),
    counter      integer     NOT NULL DEFAULT 0 CONSTRAINT sessions_counter_sane CHECK (counter >= 0),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    revoked_at   timestamptz,
    user_agent   text        NOT NULL,
    ip           text        NOT NULL,
    CONSTRAINT sessions_life_sane CHECK (created_at <= last_used_at AND expires_at <= ends_at)
);
CREATE INDEX sessions_live_by_user ON sessions (user_id, created_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_user_fkey_idx ON sessions (user_id);

-- An ID token signs in once. Its hash is stored until the token expires.
CREATE TABLE used_id_tokens (
    hash       bytea       CONSTRAINT used_id_tokens_pkey PRIMARY KEY,
    user_id    uuid        NOT NULL CONSTRAINT used_id_tokens_user_fkey REFERENCES users ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX used_id_tokens_by_user ON used_id_tokens (user_id, expires_at);

ALTER TABLE users          ENABLE ROW LEVEL SECURITY;
ALTER TABLE users          FORCE  ROW LEVEL SECURITY;
ALTER TABLE sessions       ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions       FORCE  ROW LEVEL SECURITY;
ALTER TABLE used_id_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE used_id_tokens FORCE  ROW LEVEL SECURITY;

CREATE POLICY users_self ON users TO codegenapp_app
    USING (id = (SELECT app_user_id())) WITH CHECK (id = (SELECT app_user_id()));
CREATE POLICY sessions_own ON sessions TO codegenapp_app
    USING (user_id = (SELECT app_user_id())) WITH CHECK (user_id = (SELECT app_user_id()));
CREATE POLICY used_id_tokens_own ON used_id_tokens TO codegenapp_app
    USING (user_id = (SELECT app_user_id())) WITH CHECK (user_id = (SELECT app_user_id()));

-- The policies apply to the owner of the tables too. It may look up what the two
-- functions below return, and nothing else.
CREATE POLICY users_lookup ON users FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY sessions_lookup ON sessions FOR SELECT TO CURRENT_USER USING (true);

-- No column that gives power (role, suspended_at, issuer, subject) can be
-- updated by the service.
GRANT SELECT, DELETE ON users TO codegenapp_app;
GRANT INSERT (id, issuer, subject, email, name, picture_url, created_at, last_login_at) ON users TO codegenapp_app;
GRANT UPDATE (email, name, picture_url, project_count, last_login_at) ON users TO codegenapp_app;
GRANT SELECT, INSERT ON sessions TO codegenapp_app;
GRANT UPDATE (counter, last_used_at, expires_at, revoked_at) ON sessions TO codegenapp_app;
GRANT SELECT, INSERT, DELETE ON used_id_tokens TO codegenapp_app;

-- Reports whether a session is live. The caller is not known yet, so it runs as the
-- owner. It checks one session at a time, and only together with its user.
-- +goose StatementBegin
CREATE FUNCTION live_session(session uuid, caller uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM public.sessions AS s
        WHERE  s.id = session AND s.user_id = caller
        AND    s.revoked_at IS NULL AND s.ends_at > now() AND s.expires_at > now()
    );
END
$$;
-- +goose StatementEnd

-- Returns the user with this issuer and subject, or NULL.
-- +goose StatementBegin
CREATE FUNCTION known_user(provider text, person text) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT u.id FROM public.users AS u WHERE u.issuer = provider AND u.subject = person);
END
$$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION app_user_id(), live_session(uuid, uuid), known_user(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app_user_id(), live_session(uuid, uuid), known_user(text, text) TO codegenapp_app;

-- The service checks at startup that the schema is the one it was built for.
GRANT SELECT ON goose_db_version TO codegenapp_app;

-- +goose Down
DROP FUNCTION known_user(text, text);
DROP FUNCTION live_session(uuid, uuid);
DROP TABLE used_id_tokens;
DROP TABLE sessions;
DROP TABLE users;
DROP FUNCTION app_user_id();
REVOKE ALL ON goose_db_version FROM codegenapp_app;
REVOKE ALL ON SCHEMA public FROM codegenapp_app;
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
END
$$;
-- +goose StatementEnd
-- The role stays: it belongs to the cluster, and other databases may use it.
