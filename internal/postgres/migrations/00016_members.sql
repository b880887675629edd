-- Members of projects, and invitations. A project stays with its owner; a member works on
-- it in a role of the database that sees this one project (decision 0046).

-- +goose Up

-- Locks the tables that foreign keys and policies concern, before anything is changed. See
-- migration 7.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '300ms', true);
    FOR attempt IN 1..300 LOOP
        BEGIN
            LOCK TABLE users, projects, specifications, bullet_items, idempotency_keys, changes, project_revisions, baselines IN ACCESS EXCLUSIVE MODE;
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

-- +goose StatementBegin
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['codegenapp_editor', 'codegenapp_viewer'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', name);
            END IF;
        EXCEPTION
            -- Roles belong to the whole cluster: another database's migration was first.
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
    -- The service's login takes these roles on as a member of codegenapp_app, which itself
    -- inherits none of their rights and policies.
    IF NOT EXISTS (SELECT FROM pg_auth_members AS m
                   WHERE  m.member = 'codegenapp_app'::regrole AND m.roleid = 'codegenapp_viewer'::regrole) THEN
        ALTER ROLE codegenapp_app NOINHERIT;
        GRANT codegenapp_editor, codegenapp_viewer TO codegenapp_app;
    END IF;
END
$$;
-- +goose StatementEnd

-- The owner and the project that the transaction of a member is about. app_user_id() is the
-- member. Both settings are missing in every other transaction, and reading them is an error.
CREATE FUNCTION app_owner_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('app.owner_id')::uuid;
CREATE FUNCTION app_project_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('app.project_id')::uuid;

-- A former member keeps a row, so that the history can name its author.
CREATE TABLE project_members (
    owner_id   uuid        NOT NULL,
    project_id uuid        NOT NULL,
    user_id    uuid        NOT NULL CONSTRAINT project_members_user_fkey REFERENCES users ON DELETE CASCADE,
    role       text        NOT NULL CONSTRAINT project_members_role_known CHECK (role IN ('viewer', 'editor')),
    created_at timestamptz NOT NULL,
    removed_at timestamptz,
    CONSTRAINT project_members_pkey PRIMARY KEY (owner_id, project_id, user_id),
    CONSTRAINT project_members_project_fkey FOREIGN KEY (owner_id, project_id)
        REFERENCES projects (owner_id, id) ON DELETE CASCADE,
    CONSTRAINT project_members_other_user CHECK (user_id <> owner_id)
);
CREATE INDEX project_members_by_user ON project_members (user_id, project_id);

-- An invitation is a secret that is shown once. Only its hash is stored.
CREATE TABLE invitations (
    owner_id    uuid        NOT NULL,
    id          uuid        NOT NULL,
    project_id  uuid        NOT NULL,
    role        text        NOT NULL CONSTRAINT invitations_role_known CHECK (role IN ('viewer', 'editor')),
    -- The verified address of the account that may accept it; NULL for anyone with the secret.
    email       text,
    hash        bytea       NOT NULL CONSTRAINT invitations_hash_length CHECK (octet_length(hash) = 32),
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    withdrawn_at timestamptz,
    accepted_at timestamptz,
    accepted_by uuid,
    CONSTRAINT invitations_pkey PRIMARY KEY (owner_id, id),
    CONSTRAINT invitations_project_fkey FOREIGN KEY (owner_id, project_id)
        REFERENCES projects (owner_id, id) ON DELETE CASCADE
);
CREATE INDEX invitations_by_hash ON invitations (hash);
CREATE INDEX invitations_by_project ON invitations (owner_id, project_id, created_at);
CREATE INDEX invitations_by_expiry ON invitations (expires_at);

ALTER TABLE project_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE project_members FORCE  ROW LEVEL SECURITY;
ALTER TABLE invitations     ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitations     FORCE  ROW LEVEL SECURITY;

-- An owner cannot make anyone a member: the functions of invitations and bots do, with the
-- consent of the user. So a membership shows no name without the consent of its user.
CREATE POLICY project_members_own ON project_members FOR SELECT TO codegenapp_app
    USING (owner_id = (SELECT app_user_id()));
CREATE POLICY project_members_changed ON project_members FOR UPDATE TO codegenapp_app
    USING (owner_id = (SELECT app_user_id()) AND removed_at IS NULL) WITH CHECK (owner_id = (SELECT app_user_id()));
-- Users see their own memberships, and can end them.
CREATE POLICY project_members_self ON project_members FOR SELECT TO codegenapp_app
    USING (user_id = (SELECT app_user_id()));
CREATE POLICY project_members_left ON project_members FOR UPDATE TO codegenapp_app
    USING (user_id = (SELECT app_user_id()) AND removed_at IS NULL) WITH CHECK (user_id = (SELECT app_user_id()) AND removed_at IS NOT NULL);
CREATE POLICY project_members_lookup ON project_members FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY project_members_joined ON project_members FOR INSERT TO CURRENT_USER WITH CHECK (true);
CREATE POLICY project_members_rejoined ON project_members FOR UPDATE TO CURRENT_USER USING (true);
CREATE POLICY invitations_own ON invitations TO codegenapp_app
    USING (owner_id = (SELECT app_user_id())) WITH CHECK (owner_id = (SELECT app_user_id()));
CREATE POLICY invitations_lookup ON invitations FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY invitations_accepted ON invitations FOR UPDATE TO CURRENT_USER USING (true);
CREATE POLICY invitations_forgotten ON invitations FOR DELETE TO CURRENT_USER USING (expires_at < now() - interval '30 days');

GRANT SELECT ON project_members TO codegenapp_app;
GRANT UPDATE (role, removed_at) ON project_members TO codegenapp_app;
GRANT SELECT ON invitations TO codegenapp_app;
GRANT INSERT (owner_id, id, project_id, role, email, hash, created_at, expires_at) ON invitations TO codegenapp_app;
GRANT UPDATE (withdrawn_at) ON invitations TO codegenapp_app;

-- What members see: one project with everything in it.
GRANT USAGE ON SCHEMA public TO codegenapp_editor, codegenapp_viewer;
CREATE POLICY projects_shared ON projects TO codegenapp_editor, codegenapp_viewer
    USING (owner_id = (SELECT app_owner_id()) AND id = (SELECT app_project_id()));
CREATE POLICY specifications_shared ON specifications TO codegenapp_editor, codegenapp_viewer
    USING (owner_id = (SELECT app_owner_id()) AND project_id = (SELECT app_project_id()));
-- An item has no project. Its specification is read under the policy above.
CREATE POLICY bullet_items_shared ON bullet_items TO codegenapp_editor, codegenapp_viewer
    USING (owner_id = (SELECT app_owner_id()) AND EXISTS (
        SELECT FROM specifications AS s WHERE s.owner_id = bullet_items.owner_id AND s.id = bullet_items.spec_id));
CREATE POLICY project_revisions_shared ON project_revisions FOR SELECT TO codegenapp_editor, codegenapp_viewer
    USING (owner_id = (SELECT app_owner_id()) AND project_id = (SELECT app_project_id()));
CREATE POLICY changes_shared ON changes FOR SELECT TO codegenapp_editor, codegenapp_viewer
    USING (owner_id = (SELECT app_owner_id()) AND project_id = (SELECT app_project_id()));
CREATE POLICY baselines_shared ON baselines TO codegenapp_editor, codegenapp_viewer
    USING (owner_id = (SELECT app_owner_id()) AND project_id = (SELECT app_project_id()));
CREATE POLICY project_members_shared ON project_members FOR SELECT TO codegenapp_editor, codegenapp_viewer
    USING (owner_id = (SELECT app_owner_id()) AND project_id = (SELECT app_project_id()));
CREATE POLICY users_shared ON users FOR SELECT TO codegenapp_editor, codegenapp_viewer
    USING (id = (SELECT app_owner_id()) OR id = (SELECT app_user_id()));
-- The keys of a member's own creations.
CREATE POLICY idempotency_keys_member ON idempotency_keys TO codegenapp_editor
    USING (owner_id = (SELECT app_user_id())) WITH CHECK (owner_id = (SELECT app_user_id()));
CREATE POLICY audit_events_member ON audit_events FOR INSERT TO codegenapp_editor
    WITH CHECK (actor_id = (SELECT app_user_id()));
-- Returns the name of a person who works on a project of the tenant scope's owner, or did
-- so. In the scope of a member it is that member's project. NULL for everyone else.
-- +goose StatementBegin
CREATE FUNCTION person_name(person uuid) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner   uuid := coalesce(nullif(current_setting('app.owner_id', true), '')::uuid, public.app_user_id());
    project uuid := nullif(current_setting('app.project_id', true), '')::uuid;
BEGIN
    RETURN (SELECT u.name FROM public.users AS u
            WHERE  u.id = person
            AND    EXISTS (SELECT FROM public.project_members AS m
                           WHERE  m.owner_id = owner AND m.user_id = person AND (project IS NULL OR m.project_id = project)));
END
$$;
-- +goose StatementEnd

GRANT SELECT ON projects, specifications, bullet_items, project_revisions, changes, baselines, project_members TO codegenapp_editor, codegenapp_viewer;
GRANT SELECT (id, name) ON users TO codegenapp_editor, codegenapp_viewer;
-- What editors change. The trash, the history and the members are the owner's.
GRANT UPDATE (title, description, specification_count, next_specification_number, updated_at) ON projects TO codegenapp_editor;
GRANT INSERT (id, project_id, owner_id, number, title, content, created_at, updated_at) ON specifications TO codegenapp_editor;
GRANT UPDATE (title, content, item_ids, next_item_number, updated_at) ON specifications TO codegenapp_editor;
GRANT INSERT (id, spec_id, owner_id, number, place, content, created_at, updated_at) ON bullet_items TO codegenapp_editor;
GRANT UPDATE (content, place, spec_id, updated_at) ON bullet_items TO codegenapp_editor;
GRANT DELETE ON bullet_items TO codegenapp_editor;
GRANT INSERT ON baselines TO codegenapp_editor;
GRANT UPDATE (name, description) ON baselines TO codegenapp_editor;
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO codegenapp_editor;
GRANT INSERT (id, actor_id, action, resource_type, resource_id, ip, user_agent, request_id, details) ON audit_events TO codegenapp_editor;

-- A response to a creation belongs to the place of the creation: NULL is the content of
-- the user. A user who is no member any more cannot have it replayed.
ALTER TABLE idempotency_keys ADD COLUMN tenant_id uuid;
CREATE INDEX idempotency_keys_by_tenant ON idempotency_keys (tenant_id) WHERE tenant_id IS NOT NULL;
-- An owner who deletes history deletes the saved responses of members, too.
CREATE POLICY idempotency_keys_read_by_tenant ON idempotency_keys FOR SELECT TO codegenapp_app USING (tenant_id = (SELECT app_user_id()));
CREATE POLICY idempotency_keys_deleted_by_tenant ON idempotency_keys FOR DELETE TO codegenapp_app USING (tenant_id = (SELECT app_user_id()));

-- Returns the role of a member of a project; NULL for everyone else.
-- +goose StatementBegin
CREATE FUNCTION member_role(member uuid, owner uuid, project uuid) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT m.role FROM public.project_members AS m
            WHERE  m.owner_id = owner AND m.project_id = project AND m.user_id = member AND m.removed_at IS NULL);
END
$$;
-- +goose StatementEnd

-- Returns the owner and the project of a thing that is shared with the user of the tenant
-- scope, and no row for every other thing. The kind is that of a path: projects, specs,
-- items or baselines.
-- +goose StatementBegin
CREATE FUNCTION locate(kind text, thing uuid) RETURNS TABLE (owner_id uuid, project_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller uuid := public.app_user_id();
BEGIN
    CASE kind
    WHEN 'projects' THEN
        RETURN QUERY SELECT m.owner_id, m.project_id FROM public.project_members AS m
        WHERE  m.user_id = caller AND m.project_id = thing AND m.removed_at IS NULL;
    WHEN 'specs' THEN
        RETURN QUERY SELECT m.owner_id, m.project_id FROM public.project_members AS m
        JOIN   public.specifications AS s ON s.owner_id = m.owner_id AND s.id = thing AND s.project_id = m.project_id
        WHERE  m.user_id = caller AND m.removed_at IS NULL;
    WHEN 'items' THEN
        RETURN QUERY SELECT m.owner_id, m.project_id FROM public.project_members AS m
        JOIN   public.bullet_items AS i ON i.owner_id = m.owner_id AND i.id = thing
        JOIN   public.specifications AS s ON s.owner_id = i.owner_id AND s.id = i.spec_id AND s.project_id = m.project_id
        WHERE  m.user_id = caller AND m.removed_at IS NULL
        UNION  -- a deleted item, which can be restored
        SELECT m.owner_id, m.project_id FROM public.project_members AS m
        JOIN   public.changes AS c ON c.owner_id = m.owner_id AND c.item_id = thing AND c.kind = 'item.deleted' AND c.project_id = m.project_id
        WHERE  m.user_id = caller AND m.removed_at IS NULL;
    WHEN 'baselines' THEN
        RETURN QUERY SELECT m.owner_id, m.project_id FROM public.project_members AS m
        JOIN   public.baselines AS b ON b.owner_id = m.owner_id AND b.id = thing AND b.project_id = m.project_id
        WHERE  m.user_id = caller AND m.removed_at IS NULL;
    END CASE;
END
$$;
-- +goose StatementEnd
CREATE POLICY bullet_items_read ON bullet_items FOR SELECT TO CURRENT_USER USING (true);

REVOKE ALL ON FUNCTION app_owner_id(), app_project_id(), person_name(uuid), member_role(uuid, uuid, uuid), locate(text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app_user_id(), app_owner_id(), app_project_id(), person_name(uuid) TO codegenapp_editor, codegenapp_viewer;
GRANT EXECUTE ON FUNCTION person_name(uuid), member_role(uuid, uuid, uuid), locate(text, uuid) TO codegenapp_app;

-- As of migration 14, and for the projects of other owners: a stream ends with the
-- membership of its user. The release before uses the function of migration 14.
-- +goose StatementBegin
CREATE FUNCTION watched(sessions uuid[], users uuid[], owners uuid[], projects uuid[]) RETURNS TABLE (live boolean, revision bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT s.id IS NOT NULL,
           CASE WHEN w.project IS NOT NULL THEN CASE WHEN p.id IS NOT NULL THEN coalesce(r.revision, 0) END
                ELSE (SELECT coalesce(sum(a.revision), 0)::bigint FROM public.project_revisions AS a WHERE a.owner_id = w.caller) END
    FROM   unnest(watched.sessions, watched.users, watched.owners, watched.projects) WITH ORDINALITY AS w (session, caller, owner, project, place)
    LEFT   JOIN public.sessions AS s ON s.id = w.session AND s.user_id = w.caller
                                    AND s.revoked_at IS NULL AND s.ends_at > now() AND s.expires_at > now()
    LEFT   JOIN public.projects AS p ON p.owner_id = w.owner AND p.id = w.project AND p.deleted_at IS NULL
                                    AND (w.owner = w.caller OR EXISTS (
                                         SELECT FROM public.project_members AS m
                                         WHERE  m.owner_id = w.owner AND m.project_id = w.project AND m.user_id = w.caller AND m.removed_at IS NULL))
    LEFT   JOIN public.project_revisions AS r ON r.owner_id = w.owner AND r.project_id = w.project
    ORDER  BY w.place;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION watched(uuid[], uuid[], uuid[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION watched(uuid[], uuid[], uuid[], uuid[]) TO codegenapp_app;

-- As of migration 11, but members insert, too: the owner of the row is that of the tenant
-- scope.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION create_specification() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made record;
BEGIN
    IF coalesce(nullif(current_setting('app.owner_id', true), ''), nullif(current_setting('app.user_id', true), ''))::uuid <> NEW.owner_id THEN
        RETURN NEW; -- the policy rejects it
    END IF;
    made := public.revise(NEW.owner_id, NEW.project_id);
    IF made.revision IS NULL THEN
        RETURN NEW; -- the foreign key rejects it
    END IF;
    NEW.revision := made.revision;
    INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id, spec_id, spec_version)
    VALUES (NEW.owner_id, NEW.project_id, made.revision, made.revised_at, 'specification.created', nullif(current_setting('app.user_id', true), '')::uuid, NEW.id, NEW.version);
    RETURN NEW;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION list_item() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    spec record;
    made record;
    counted bigint;
BEGIN
    IF coalesce(nullif(current_setting('app.owner_id', true), ''), nullif(current_setting('app.user_id', true), ''))::uuid <> NEW.owner_id THEN
        RETURN NEW; -- the policy rejects it
    END IF;
    SELECT s.project_id, s.next_item_number, s.updated_at INTO spec
    FROM   public.specifications AS s
    WHERE  s.owner_id = NEW.owner_id AND s.id = NEW.spec_id
    FOR    NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NEW;
    END IF;
    IF NEW.number < spec.next_item_number THEN
        NEW.version := coalesce((
            SELECT c.item_version + 1 FROM public.changes AS c
            WHERE  c.owner_id = NEW.owner_id AND c.spec_id = NEW.spec_id AND c.item_id = NEW.id
            ORDER  BY c.revision DESC, c.number DESC LIMIT 1), 1);
    END IF;
    made := public.revise(NEW.owner_id, spec.project_id);
    NEW.number := coalesce(NEW.number, spec.next_item_number);
    UPDATE public.specifications AS s
    SET    item_ids = CASE WHEN NEW.place IS NULL THEN s.item_ids || NEW.id
                           ELSE s.item_ids[:NEW.place] || NEW.id || s.item_ids[NEW.place + 1:] END,
           next_item_number = greatest(s.next_item_number, NEW.number + 1),
           revision = made.revision, updated_at = greatest(s.updated_at, NEW.updated_at)
    WHERE  s.owner_id = NEW.owner_id AND s.id = NEW.spec_id
    RETURNING s.version INTO counted;
    INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id, spec_id, spec_version,
                                item_id, item_version, item_number, old_spec_updated_at)
    VALUES (NEW.owner_id, spec.project_id, made.revision, made.revised_at,
            CASE NEW.version WHEN 1 THEN 'item.created' ELSE 'item.restored' END::public.change_kind,
            nullif(current_setting('app.user_id', true), '')::uuid, NEW.spec_id, counted, NEW.id, NEW.version, NEW.number, spec.updated_at);
    NEW.place := NULL;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

-- Deletes invitations that ended thirty days ago. The parameter bounds the rows.
-- +goose StatementBegin
CREATE FUNCTION forget_invitations(most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    deleted bigint;
BEGIN
    DELETE FROM public.invitations AS i
    WHERE (i.owner_id, i.id) IN (SELECT o.owner_id, o.id FROM public.invitations AS o
                                 WHERE  o.expires_at < now() - interval '30 days' ORDER BY o.expires_at LIMIT most);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION forget_invitations(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_invitations(integer) TO codegenapp_app;

-- Accepts an invitation for the user of the tenant scope, whose role has no right to the
-- rows of the owner. It locks the user and the project, so that one secret makes one member and both
-- limits are exact. The policy lets it lock a row that it cannot change.
CREATE POLICY projects_locked ON projects FOR UPDATE TO CURRENT_USER USING (true) WITH CHECK (false);
-- +goose StatementBegin
CREATE FUNCTION accept_invitation(secret_hash bytea, max_members integer, max_memberships integer)
    RETURNS TABLE (outcome text, owner_id uuid, project_id uuid, invitation_id uuid, role text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller  uuid := public.app_user_id();
    address text;
    i       public.invitations;
BEGIN
    SELECT lower(u.email) INTO address FROM public.users AS u WHERE u.id = caller FOR NO KEY UPDATE;
    SELECT v.* INTO i FROM public.invitations AS v WHERE v.hash = secret_hash;
    PERFORM FROM public.projects AS p WHERE p.owner_id = i.owner_id AND p.id = i.project_id AND NOT p.trashed FOR NO KEY UPDATE;
    -- Read again, as it is under the lock.
    SELECT v.* INTO i FROM public.invitations AS v WHERE FOUND AND v.hash = secret_hash;
    IF NOT FOUND THEN
        outcome := 'missing';
        RETURN NEXT;
        RETURN;
    END IF;
    owner_id := i.owner_id; project_id := i.project_id; invitation_id := i.id; role := i.role;
    outcome := CASE
        WHEN caller = i.owner_id THEN 'member'
        WHEN i.email <> address THEN 'another'
        WHEN public.member_role(caller, i.owner_id, i.project_id) IS NOT NULL THEN 'member'
        WHEN i.accepted_at IS NOT NULL THEN 'used'
        WHEN i.withdrawn_at IS NOT NULL THEN 'withdrawn'
        WHEN i.expires_at <= clock_timestamp() THEN 'expired'
        WHEN (SELECT count(*) FROM public.project_members AS m
              WHERE  m.owner_id = i.owner_id AND m.project_id = i.project_id AND m.removed_at IS NULL) >= max_members THEN 'full'
        WHEN (SELECT count(*) FROM public.project_members AS m WHERE m.user_id = caller AND m.removed_at IS NULL) >= max_memberships THEN 'busy'
        ELSE 'accepted'
    END;
    IF outcome = 'accepted' THEN
        INSERT INTO public.project_members AS m (owner_id, project_id, user_id, role, created_at)
        VALUES (i.owner_id, i.project_id, caller, i.role, clock_timestamp())
        ON     CONFLICT ON CONSTRAINT project_members_pkey DO UPDATE SET role = excluded.role, created_at = excluded.created_at, removed_at = NULL;
        UPDATE public.invitations AS v SET accepted_at = clock_timestamp(), accepted_by = caller WHERE v.owner_id = i.owner_id AND v.id = i.id;
    END IF;
    RETURN NEXT;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION accept_invitation(bytea, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accept_invitation(bytea, integer, integer) TO codegenapp_app;

-- Returns the live projects that are shared with the user of the tenant scope.
-- +goose StatementBegin
CREATE FUNCTION shared_projects() RETURNS TABLE (
        id uuid, owner_id uuid, title text, description text, specification_count integer, next_specification_number integer,
        version bigint, created_at timestamptz, updated_at timestamptz, revision bigint, owner_name text, role text, since timestamptz)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT p.id, p.owner_id, p.title, p.description, p.specification_count, p.next_specification_number,
           p.version, p.created_at, p.updated_at, coalesce(r.revision, 0), u.name, m.role, m.created_at
    FROM   public.project_members AS m
    JOIN   public.projects AS p ON p.owner_id = m.owner_id AND p.id = m.project_id AND NOT p.trashed
    JOIN   public.users AS u ON u.id = m.owner_id
    LEFT   JOIN public.project_revisions AS r ON r.owner_id = m.owner_id AND r.project_id = m.project_id
    WHERE  m.user_id = public.app_user_id() AND m.removed_at IS NULL;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION shared_projects() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shared_projects() TO codegenapp_app;

-- +goose Down
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '300ms', true);
    FOR attempt IN 1..300 LOOP
        BEGIN
            LOCK TABLE users, projects, specifications, bullet_items, idempotency_keys, changes, project_revisions, baselines IN ACCESS EXCLUSIVE MODE;
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
DROP FUNCTION shared_projects();
DROP FUNCTION accept_invitation(bytea, integer, integer);
DROP FUNCTION forget_invitations(integer);
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION create_specification() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made record;
BEGIN
    IF nullif(current_setting('app.user_id', true), '')::uuid <> NEW.owner_id THEN
        RETURN NEW; -- the policy rejects it
    END IF;
    made := public.revise(NEW.owner_id, NEW.project_id);
    IF made.revision IS NULL THEN
        RETURN NEW; -- the foreign key rejects it
    END IF;
    NEW.revision := made.revision;
    INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id, spec_id, spec_version)
    VALUES (NEW.owner_id, NEW.project_id, made.revision, made.revised_at, 'specification.created', nullif(current_setting('app.user_id', true), '')::uuid, NEW.id, NEW.version);
    RETURN NEW;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION list_item() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    spec record;
    made record;
    counted bigint;
BEGIN
    IF nullif(current_setting('app.user_id', true), '')::uuid <> NEW.owner_id THEN
        RETURN NEW; -- the policy rejects it
    END IF;
    SELECT s.project_id, s.next_item_number, s.updated_at INTO spec
    FROM   public.specifications AS s
    WHERE  s.owner_id = NEW.owner_id AND s.id = NEW.spec_id
    FOR    NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NEW;
    END IF;
    IF NEW.number < spec.next_item_number THEN
        NEW.version := coalesce((
            SELECT c.item_version + 1 FROM public.changes AS c
            WHERE  c.owner_id = NEW.owner_id AND c.spec_id = NEW.spec_id AND c.item_id = NEW.id
            ORDER  BY c.revision DESC, c.number DESC LIMIT 1), 1);
    END IF;
    made := public.revise(NEW.owner_id, spec.project_id);
    NEW.number := coalesce(NEW.number, spec.next_item_number);
    UPDATE public.specifications AS s
    SET    item_ids = CASE WHEN NEW.place IS NULL THEN s.item_ids || NEW.id
                           ELSE s.item_ids[:NEW.place] || NEW.id || s.item_ids[NEW.place + 1:] END,
           next_item_number = greatest(s.next_item_number, NEW.number + 1),
           revision = made.revision, updated_at = greatest(s.updated_at, NEW.updated_at)
    WHERE  s.owner_id = NEW.owner_id AND s.id = NEW.spec_id
    RETURNING s.version INTO counted;
    INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id, spec_id, spec_version,
                                item_id, item_version, item_number, old_spec_updated_at)
    VALUES (NEW.owner_id, spec.project_id, made.revision, made.revised_at,
            CASE NEW.version WHEN 1 THEN 'item.created' ELSE 'item.restored' END::public.change_kind,
            nullif(current_setting('app.user_id', true), '')::uuid, NEW.spec_id, counted, NEW.id, NEW.version, NEW.number, spec.updated_at);
    NEW.place := NULL;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
DROP FUNCTION watched(uuid[], uuid[], uuid[], uuid[]);
DROP FUNCTION locate(text, uuid);
DROP FUNCTION member_role(uuid, uuid, uuid);
DROP POLICY idempotency_keys_read_by_tenant ON idempotency_keys;
DROP POLICY idempotency_keys_deleted_by_tenant ON idempotency_keys;
ALTER TABLE idempotency_keys DROP COLUMN tenant_id;
DROP FUNCTION person_name(uuid);
DROP POLICY users_shared ON users;
DROP POLICY projects_shared ON projects;
DROP POLICY projects_locked ON projects;
DROP POLICY bullet_items_shared ON bullet_items;
DROP POLICY bullet_items_read ON bullet_items;
DROP POLICY specifications_shared ON specifications;
DROP POLICY project_revisions_shared ON project_revisions;
DROP POLICY changes_shared ON changes;
DROP POLICY baselines_shared ON baselines;
DROP POLICY idempotency_keys_member ON idempotency_keys;
DROP POLICY audit_events_member ON audit_events;
DROP TABLE invitations;
DROP TABLE project_members;
DROP FUNCTION app_project_id();
DROP FUNCTION app_owner_id();
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM codegenapp_editor, codegenapp_viewer;
REVOKE ALL ON FUNCTION app_user_id() FROM codegenapp_editor, codegenapp_viewer;
REVOKE ALL ON SCHEMA public FROM codegenapp_editor, codegenapp_viewer;
