-- Keys begin with the owner. So all rows of a user can be stored together, in one
-- partition or on one machine (docs/operations/scaling.md). Fewer indexes do the same work, since
-- a key begins with the columns of a foreign key. An id is unique for its owner; that
-- no other owner has it is chance alone (decision 0020).

-- +goose Up

-- Locks all tables at once, before anything is changed. No order of locks suits all
-- transactions: most read sessions before users, a sign-in writes them after. So it
-- gives up after a third of the service's lock_timeout, lets other transactions
-- through, and tries again.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '300ms', true);
    FOR attempt IN 1..300 LOOP
        BEGIN
            LOCK TABLE sessions, users, used_id_tokens, projects, specifications, bullet_items IN ACCESS EXCLUSIVE MODE;
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
-- need a caller when foreign keys are checked.
ALTER TABLE users          NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions       NO FORCE ROW LEVEL SECURITY;
ALTER TABLE used_id_tokens NO FORCE ROW LEVEL SECURITY;
ALTER TABLE projects       NO FORCE ROW LEVEL SECURITY;
ALTER TABLE specifications NO FORCE ROW LEVEL SECURITY;
ALTER TABLE bullet_items   NO FORCE ROW LEVEL SECURITY;

ALTER TABLE bullet_items   DROP CONSTRAINT bullet_items_spec_fkey;
ALTER TABLE specifications DROP CONSTRAINT specifications_project_fkey;
DROP INDEX bullet_items_spec_fkey_idx;
DROP INDEX specifications_project_fkey_idx;
DROP INDEX sessions_user_fkey_idx;

ALTER TABLE projects
    DROP CONSTRAINT projects_id_owner_key,
    DROP CONSTRAINT projects_pkey,
    ADD CONSTRAINT projects_pkey PRIMARY KEY (owner_id, id);
ALTER TABLE specifications
    DROP CONSTRAINT specifications_id_owner_key,
    DROP CONSTRAINT specifications_pkey,
    DROP CONSTRAINT specifications_number_key,
    ADD CONSTRAINT specifications_pkey PRIMARY KEY (owner_id, id),
    ADD CONSTRAINT specifications_number_key UNIQUE (owner_id, project_id, number),
    ADD CONSTRAINT specifications_project_fkey FOREIGN KEY (owner_id, project_id)
        REFERENCES projects (owner_id, id) ON DELETE CASCADE;
ALTER TABLE bullet_items
    DROP CONSTRAINT bullet_items_pkey,
    DROP CONSTRAINT bullet_items_number_key,
    ADD CONSTRAINT bullet_items_pkey PRIMARY KEY (owner_id, id),
    ADD CONSTRAINT bullet_items_number_key UNIQUE (owner_id, spec_id, number),
    ADD CONSTRAINT bullet_items_spec_fkey FOREIGN KEY (owner_id, spec_id)
        REFERENCES specifications (owner_id, id) ON DELETE CASCADE;
ALTER TABLE sessions
    DROP CONSTRAINT sessions_pkey,
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (user_id, id);
-- A refresh token names its session, but no user.
CREATE INDEX sessions_by_id ON sessions (id);

-- Rejects a commit after which a specification's list is not exactly its items, each
-- once. It runs when the list changes and when items are inserted or deleted.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION hold_item_list() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner  uuid;
    spec   uuid;
    listed uuid[];
    items  uuid[];
BEGIN
    IF TG_OP = 'DELETE' THEN
        owner := OLD.owner_id;
    ELSE
        owner := NEW.owner_id;
    END IF;
    IF TG_TABLE_NAME = 'specifications' THEN
        spec := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        spec := OLD.spec_id;
    ELSE
        spec := NEW.spec_id;
    END IF;
    SELECT s.item_ids INTO listed FROM public.specifications AS s WHERE s.owner_id = owner AND s.id = spec;
    IF NOT FOUND THEN
        RETURN NULL; -- gone, and its items with it
    END IF;
    SELECT coalesce(array_agg(i.id ORDER BY i.id), '{}') INTO items FROM public.bullet_items AS i WHERE i.owner_id = owner AND i.spec_id = spec;
    IF (SELECT coalesce(array_agg(l ORDER BY l), '{}') FROM unnest(listed) AS l) IS DISTINCT FROM items THEN
        RAISE EXCEPTION 'item_ids does not list the items' USING ERRCODE = 'check_violation', CONSTRAINT = 'specifications_item_list';
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- Returns the user of a session; NULL if two users have one with the same id.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION session_owner(session uuid) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT (array_agg(s.user_id))[1] FROM public.sessions AS s WHERE s.id = session HAVING count(*) = 1);
END
$$;
-- +goose StatementEnd

-- The provider's identity of each user. It is looked up before the user is known, and
-- is unique over all users, so its key cannot begin with an owner. The service has no
-- rights to the table: it uses the two functions below, and rows are deleted with
-- their users.
CREATE TABLE identities (
    issuer  text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL
);
INSERT INTO identities (issuer, subject, user_id) SELECT issuer, subject, id FROM users;
ALTER TABLE identities
    ADD CONSTRAINT identities_pkey PRIMARY KEY (issuer, subject),
    ADD CONSTRAINT identities_user_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
CREATE INDEX identities_user_fkey_idx ON identities (user_id);
ALTER TABLE users DROP CONSTRAINT users_identity_key;

CREATE POLICY identities_lookup ON identities FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY identities_kept   ON identities FOR INSERT TO CURRENT_USER WITH CHECK (true);

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION known_user(provider text, person text) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT i.user_id FROM public.identities AS i WHERE i.issuer = provider AND i.subject = person);
END
$$;
-- +goose StatementEnd

-- One identity belongs to one user. The constraint has the name that it had as a key:
-- the service retries when it is violated.
-- +goose StatementBegin
CREATE FUNCTION keep_identity() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO public.identities (issuer, subject, user_id) VALUES (NEW.issuer, NEW.subject, NEW.id)
    ON CONFLICT (issuer, subject) DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this person is another user' USING ERRCODE = 'unique_violation', CONSTRAINT = 'users_identity_key';
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION keep_identity() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER users_identity_key AFTER INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION keep_identity();

-- A used ID token has no user from the beginning, since it outlives the account. The
-- service inserts them in the scope of some user, and cannot read them.
ALTER TABLE used_id_tokens DROP CONSTRAINT used_id_tokens_user_fkey;
DROP INDEX used_id_tokens_by_user;
UPDATE used_id_tokens SET user_id = NULL;
DROP POLICY used_id_tokens_own ON used_id_tokens;
CREATE POLICY used_id_tokens_added ON used_id_tokens FOR INSERT TO codegenapp_app WITH CHECK ((SELECT app_user_id()) IS NOT NULL);
REVOKE SELECT, DELETE ON used_id_tokens FROM codegenapp_app;

-- The previous release still writes the user. The next release drops the column and
-- this trigger.
-- +goose StatementBegin
CREATE FUNCTION forget_user() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    NEW.user_id := NULL;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER used_id_tokens_forget_user BEFORE INSERT ON used_id_tokens
    FOR EACH ROW EXECUTE FUNCTION forget_user();

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION forget_expired(most integer) RETURNS bigint
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
    WHERE (s.user_id, s.id) IN (SELECT o.user_id, o.id FROM public.sessions AS o WHERE o.expires_at < now() - interval '30 days' ORDER BY o.expires_at LIMIT most);
    GET DIAGNOSTICS sessions = ROW_COUNT;
    RETURN tokens + sessions;
END
$$;
-- +goose StatementEnd

ALTER TABLE identities     ENABLE ROW LEVEL SECURITY;
ALTER TABLE identities     FORCE  ROW LEVEL SECURITY;
ALTER TABLE bullet_items   FORCE  ROW LEVEL SECURITY;
ALTER TABLE specifications FORCE  ROW LEVEL SECURITY;
ALTER TABLE projects       FORCE  ROW LEVEL SECURITY;
ALTER TABLE used_id_tokens FORCE  ROW LEVEL SECURITY;
ALTER TABLE sessions       FORCE  ROW LEVEL SECURITY;
ALTER TABLE users          FORCE  ROW LEVEL SECURITY;

-- +goose Down
LOCK TABLE sessions, users, used_id_tokens, projects, specifications, bullet_items IN ACCESS EXCLUSIVE MODE;
ALTER TABLE users          NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions       NO FORCE ROW LEVEL SECURITY;
ALTER TABLE used_id_tokens NO FORCE ROW LEVEL SECURITY;
ALTER TABLE projects       NO FORCE ROW LEVEL SECURITY;
ALTER TABLE specifications NO FORCE ROW LEVEL SECURITY;
ALTER TABLE bullet_items   NO FORCE ROW LEVEL SECURITY;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION forget_expired(most integer) RETURNS bigint
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
DROP TRIGGER used_id_tokens_forget_user ON used_id_tokens;
DROP FUNCTION forget_user();
GRANT SELECT, DELETE ON used_id_tokens TO codegenapp_app;
DROP POLICY used_id_tokens_added ON used_id_tokens;
CREATE POLICY used_id_tokens_own ON used_id_tokens TO codegenapp_app
    USING (user_id = (SELECT app_user_id())) WITH CHECK (user_id = (SELECT app_user_id()));
CREATE INDEX used_id_tokens_by_user ON used_id_tokens (user_id, expires_at);
ALTER TABLE used_id_tokens ADD CONSTRAINT used_id_tokens_user_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL;

DROP TRIGGER users_identity_key ON users;
DROP FUNCTION keep_identity();
ALTER TABLE users ADD CONSTRAINT users_identity_key UNIQUE (issuer, subject);
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION known_user(provider text, person text) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT u.id FROM public.users AS u WHERE u.issuer = provider AND u.subject = person);
END
$$;
-- +goose StatementEnd
DROP TABLE identities;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION session_owner(session uuid) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT s.user_id FROM public.sessions AS s WHERE s.id = session);
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION hold_item_list() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    spec   uuid;
    listed uuid[];
    items  uuid[];
BEGIN
    IF TG_TABLE_NAME = 'specifications' THEN
        spec := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        spec := OLD.spec_id;
    ELSE
        spec := NEW.spec_id;
    END IF;
    SELECT s.item_ids INTO listed FROM public.specifications AS s WHERE s.id = spec;
    IF NOT FOUND THEN
        RETURN NULL; -- gone, and its items with it
    END IF;
    SELECT coalesce(array_agg(i.id ORDER BY i.id), '{}') INTO items FROM public.bullet_items AS i WHERE i.spec_id = spec;
    IF (SELECT coalesce(array_agg(l ORDER BY l), '{}') FROM unnest(listed) AS l) IS DISTINCT FROM items THEN
        RAISE EXCEPTION 'item_ids does not list the items' USING ERRCODE = 'check_violation', CONSTRAINT = 'specifications_item_list';
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

ALTER TABLE bullet_items   DROP CONSTRAINT bullet_items_spec_fkey;
ALTER TABLE specifications DROP CONSTRAINT specifications_project_fkey;
DROP INDEX sessions_by_id;
ALTER TABLE sessions
    DROP CONSTRAINT sessions_pkey,
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE projects
    DROP CONSTRAINT projects_pkey,
    ADD CONSTRAINT projects_pkey PRIMARY KEY (id),
    ADD CONSTRAINT projects_id_owner_key UNIQUE (id, owner_id);
ALTER TABLE specifications
    DROP CONSTRAINT specifications_pkey,
    DROP CONSTRAINT specifications_number_key,
    ADD CONSTRAINT specifications_pkey PRIMARY KEY (id),
    ADD CONSTRAINT specifications_id_owner_key UNIQUE (id, owner_id),
    ADD CONSTRAINT specifications_number_key UNIQUE (project_id, number),
    ADD CONSTRAINT specifications_project_fkey FOREIGN KEY (project_id, owner_id)
        REFERENCES projects (id, owner_id) ON DELETE CASCADE;
ALTER TABLE bullet_items
    DROP CONSTRAINT bullet_items_pkey,
    DROP CONSTRAINT bullet_items_number_key,
    ADD CONSTRAINT bullet_items_pkey PRIMARY KEY (id),
    ADD CONSTRAINT bullet_items_number_key UNIQUE (spec_id, number),
    ADD CONSTRAINT bullet_items_spec_fkey FOREIGN KEY (spec_id, owner_id)
        REFERENCES specifications (id, owner_id) ON DELETE CASCADE;
CREATE INDEX sessions_user_fkey_idx ON sessions (user_id);
CREATE INDEX specifications_project_fkey_idx ON specifications (project_id, owner_id);
CREATE INDEX bullet_items_spec_fkey_idx ON bullet_items (spec_id, owner_id);

ALTER TABLE bullet_items   FORCE ROW LEVEL SECURITY;
ALTER TABLE specifications FORCE ROW LEVEL SECURITY;
ALTER TABLE projects       FORCE ROW LEVEL SECURITY;
ALTER TABLE used_id_tokens FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions       FORCE ROW LEVEL SECURITY;
ALTER TABLE users          FORCE ROW LEVEL SECURITY;
