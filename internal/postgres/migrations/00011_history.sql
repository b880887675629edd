-- The history of projects. Each transaction that changes content leaves one revision of
-- the project. A revision has one or more changes, and a change stores what it replaced.
--
-- Triggers write the history, so no statement can leave it out, and the service cannot
-- write or forge it (decision 0040).

-- +goose Up

-- Locks the tables before anything is changed, in the order of the service. See
-- migration 7.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '300ms', true);
    FOR attempt IN 1..300 LOOP
        BEGIN
            LOCK TABLE projects, specifications, bullet_items IN ACCESS EXCLUSIVE MODE;
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

-- The newest revision of each project. A project without a row has not changed since
-- this migration. The row is locked after every other row, and until the commit. So the
-- revisions are in the order of the commits, without gaps.
CREATE TABLE project_revisions (
    owner_id    uuid        NOT NULL,
    project_id  uuid        NOT NULL,
    revision    bigint      NOT NULL CONSTRAINT project_revisions_sane CHECK (revision >= 1),
    -- When the revision was made. It never precedes the time of the revision before.
    revised_at  timestamptz NOT NULL,
    -- The transaction that made it. Its later changes belong to the same revision. A
    -- restored database counts transactions anew, so the time tells them apart, too.
    transaction xid8        NOT NULL,
    began_at    timestamptz NOT NULL,
    -- The oldest revision whose state can be read.
    oldest      bigint      NOT NULL DEFAULT 0,
    CONSTRAINT project_revisions_pkey PRIMARY KEY (owner_id, project_id),
    CONSTRAINT project_revisions_project_fkey FOREIGN KEY (owner_id, project_id)
        REFERENCES projects (owner_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);

CREATE TYPE change_kind AS ENUM (
    'project.created', 'project.changed', 'project.trashed', 'project.restored',
    'specification.created', 'specification.changed', 'specification.trashed', 'specification.restored',
    'item.created', 'item.changed', 'item.moved', 'item.deleted', 'item.restored', 'items.reordered');

CREATE SEQUENCE change_numbers;
-- No foreign key to the project: its check would lock the project at each write. A
-- trigger deletes the changes of a deleted project.
CREATE TABLE changes (
    owner_id         uuid        NOT NULL,
    project_id       uuid        NOT NULL,
    revision         bigint      NOT NULL,
    -- The order of the changes of one revision.
    number           bigint      NOT NULL DEFAULT nextval('change_numbers'),
    kind             change_kind NOT NULL,
    revised_at       timestamptz NOT NULL,
    -- The user of the tenant scope. NULL is an administrator of the database.
    actor_id         uuid,
    spec_id          uuid,
    item_id          uuid,
    item_number      integer,
    -- The versions after the change.
    spec_version     bigint,
    item_version     bigint,
    -- What was before: a text, a place, an order only if the change replaced it. The
    -- content of a project is its description.
    old_title        text,
    old_content      text,
    old_place        integer,
    old_item_ids     uuid[],
    old_created_at   timestamptz,
    old_updated_at   timestamptz,
    old_deleted_at   timestamptz,
    -- The time of the specification before a change of an item.
    old_spec_updated_at timestamptz,
    -- True once the old values were deleted. States before this change cannot be read.
    erased           boolean     NOT NULL DEFAULT false,
    CONSTRAINT changes_pkey PRIMARY KEY (owner_id, project_id, revision, number)
);
ALTER SEQUENCE change_numbers OWNED BY changes.number;
CREATE INDEX changes_by_specification ON changes (owner_id, spec_id, revision) WHERE spec_id IS NOT NULL;
CREATE INDEX changes_of_projects ON changes (owner_id, project_id, revision) WHERE spec_id IS NULL;
CREATE INDEX changes_of_deleted_items ON changes (owner_id, item_id) WHERE kind = 'item.deleted';
CREATE INDEX changes_by_age ON changes USING brin (revised_at);

ALTER TABLE project_revisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE project_revisions FORCE  ROW LEVEL SECURITY;
ALTER TABLE changes           ENABLE ROW LEVEL SECURITY;
ALTER TABLE changes           FORCE  ROW LEVEL SECURITY;
CREATE POLICY project_revisions_own ON project_revisions TO codegenapp_app USING (owner_id = (SELECT app_user_id()));
CREATE POLICY changes_own           ON changes           TO codegenapp_app USING (owner_id = (SELECT app_user_id()));
-- The triggers below run as the owner of the tables.
CREATE POLICY project_revisions_written ON project_revisions TO CURRENT_USER USING (true);
CREATE POLICY changes_written           ON changes           TO CURRENT_USER USING (true);
CREATE POLICY projects_read             ON projects          FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY specifications_written    ON specifications    TO CURRENT_USER USING (true);
GRANT SELECT ON project_revisions, changes TO codegenapp_app;

-- The revision that changed the specification last. Its version counts these revisions.
ALTER TABLE specifications ADD COLUMN revision bigint NOT NULL DEFAULT 0;

-- Returns the revision of the project that this transaction makes, and its time. The
-- first call of a transaction makes it, and locks its row. Without a project it is NULL.
-- +goose StatementBegin
CREATE FUNCTION revise(owner uuid, project uuid, OUT revision bigint, OUT revised_at timestamptz)
    LANGUAGE plpgsql
AS $$
BEGIN
    LOOP
        UPDATE public.project_revisions AS r
        SET    revision = r.revision + 1, revised_at = greatest(r.revised_at, clock_timestamp()),
               transaction = pg_current_xact_id(), began_at = now()
        WHERE  r.owner_id = owner AND r.project_id = project AND (r.transaction <> pg_current_xact_id() OR r.began_at <> now())
        RETURNING r.revision, r.revised_at INTO revise.revision, revise.revised_at;
        IF FOUND THEN
            RETURN;
        END IF;
        SELECT r.revision, r.revised_at INTO revise.revision, revise.revised_at
        FROM   public.project_revisions AS r
        WHERE  r.owner_id = owner AND r.project_id = project AND r.transaction = pg_current_xact_id() AND r.began_at = now();
        IF FOUND THEN
            RETURN;
        END IF;
        INSERT INTO public.project_revisions AS r (owner_id, project_id, revision, revised_at, transaction, began_at)
        SELECT p.owner_id, p.id, 1, clock_timestamp(), pg_current_xact_id(), now()
        FROM   public.projects AS p
        WHERE  p.owner_id = owner AND p.id = project
        ON CONFLICT DO NOTHING -- another transaction was first
        RETURNING r.revision, r.revised_at INTO revise.revision, revise.revised_at;
        IF FOUND OR NOT EXISTS (SELECT FROM public.projects AS p WHERE p.owner_id = owner AND p.id = project) THEN
            RETURN;
        END IF;
    END LOOP;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION revise(uuid, uuid) FROM PUBLIC;

-- +goose StatementBegin
CREATE FUNCTION create_project() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id)
    SELECT NEW.owner_id, NEW.id, r.revision, r.revised_at, 'project.created', nullif(current_setting('app.user_id', true), '')::uuid
    FROM   public.revise(NEW.owner_id, NEW.id) AS r;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- Counts the versions of a project. A change of its counters is no change of content.
-- +goose StatementBegin
CREATE FUNCTION change_project() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made record;
BEGIN
    NEW.version := OLD.version + 1;
    IF NEW.title = OLD.title AND NEW.description = OLD.description AND NEW.deleted_at IS NOT DISTINCT FROM OLD.deleted_at THEN
        RETURN NEW;
    END IF;
    made := public.revise(NEW.owner_id, NEW.id);
    IF NEW.title <> OLD.title OR NEW.description <> OLD.description THEN
        INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id, old_title, old_content, old_updated_at)
        VALUES (NEW.owner_id, NEW.id, made.revision, made.revised_at, 'project.changed', nullif(current_setting('app.user_id', true), '')::uuid,
                nullif(OLD.title, NEW.title), CASE WHEN NEW.description <> OLD.description THEN OLD.description END, OLD.updated_at);
    END IF;
    IF (NEW.deleted_at IS NULL) <> (OLD.deleted_at IS NULL) THEN
        INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id, old_deleted_at, old_updated_at)
        VALUES (NEW.owner_id, NEW.id, made.revision, made.revised_at,
                CASE WHEN NEW.deleted_at IS NULL THEN 'project.restored' ELSE 'project.trashed' END::public.change_kind,
                nullif(current_setting('app.user_id', true), '')::uuid, OLD.deleted_at, OLD.updated_at);
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION create_specification() RETURNS trigger
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

-- Counts the versions of a specification: one for each revision that changes it or its
-- items. A statement may change texts, order and trash; the triggers of the items change
-- the list. A statement that changes none of them has no effect, and neither has one that
-- sets the list to what it is: the release before migration 10 sends that. It may set the
-- time if its transaction has changed the items before: a deletion has no time of its own.
-- +goose StatementBegin
CREATE FUNCTION change_specification() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made record;
BEGIN
    IF NEW.owner_id <> OLD.owner_id OR NEW.project_id <> OLD.project_id THEN
        RAISE EXCEPTION 'a specification stays in its project' USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'specifications_project_fkey';
    END IF;
    IF pg_trigger_depth() > 1 THEN
        NEW.version := OLD.version + (NEW.revision <> OLD.revision)::int;
        RETURN NEW;
    END IF;
    IF NEW.title = OLD.title AND NEW.content = OLD.content AND NEW.item_ids = OLD.item_ids AND NEW.deleted_at IS NOT DISTINCT FROM OLD.deleted_at THEN
        IF NOT EXISTS (SELECT FROM public.project_revisions AS r
                       WHERE  r.owner_id = OLD.owner_id AND r.project_id = OLD.project_id AND r.revision = OLD.revision
                       AND    r.transaction = pg_current_xact_id_if_assigned() AND r.began_at = now()) THEN
            RETURN NULL;
        END IF;
        OLD.updated_at := NEW.updated_at;
        RETURN OLD;
    END IF;
    made := public.revise(NEW.owner_id, NEW.project_id);
    NEW.revision := made.revision;
    NEW.version := OLD.version + (NEW.revision <> OLD.revision)::int;
    IF NEW.title <> OLD.title OR NEW.content <> OLD.content THEN
        INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id, spec_id, spec_version,
                                    old_title, old_content, old_updated_at)
        VALUES (NEW.owner_id, NEW.project_id, made.revision, made.revised_at, 'specification.changed', nullif(current_setting('app.user_id', true), '')::uuid, NEW.id, NEW.version,
                CASE WHEN NEW.title <> OLD.title THEN OLD.title END, CASE WHEN NEW.content <> OLD.content THEN OLD.content END, OLD.updated_at);
    END IF;
    IF NEW.item_ids <> OLD.item_ids THEN
        IF (SELECT array_agg(l ORDER BY l) FROM unnest(NEW.item_ids) AS l) IS DISTINCT FROM
           (SELECT array_agg(l ORDER BY l) FROM unnest(OLD.item_ids) AS l) THEN
            RAISE EXCEPTION 'item_ids does not list the items' USING ERRCODE = 'check_violation', CONSTRAINT = 'specifications_item_list';
        END IF;
        INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id, spec_id, spec_version, old_item_ids, old_updated_at)
        VALUES (NEW.owner_id, NEW.project_id, made.revision, made.revised_at, 'items.reordered', nullif(current_setting('app.user_id', true), '')::uuid, NEW.id, NEW.version,
                OLD.item_ids, OLD.updated_at);
    END IF;
    IF (NEW.deleted_at IS NULL) <> (OLD.deleted_at IS NULL) THEN
        INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id, spec_id, spec_version, old_deleted_at, old_updated_at)
        VALUES (NEW.owner_id, NEW.project_id, made.revision, made.revised_at,
                CASE WHEN NEW.deleted_at IS NULL THEN 'specification.restored' ELSE 'specification.trashed' END::public.change_kind,
                nullif(current_setting('app.user_id', true), '')::uuid, NEW.id, NEW.version, OLD.deleted_at, OLD.updated_at);
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

-- Lists a new item: at its place, or else at the end. An item without a number gets the
-- next one. One with a number may have been deleted before: then its versions go on. The
-- foreign key rejects an item without a specification.
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

-- Moves an item to another specification of the project, and returns its new number. Both
-- specifications are locked. Each has a change: one with all that the item was there, and
-- one without old values.
-- +goose StatementBegin
CREATE FUNCTION move_item(item bullet_items, target uuid, place integer, at timestamptz) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    source record;
    made   record;
    listed record;
BEGIN
    SELECT s.project_id, s.updated_at, array_position(s.item_ids, item.id) - 1 AS place, t.updated_at AS target_updated_at INTO source
    FROM   public.specifications AS s
    JOIN   public.specifications AS t ON t.owner_id = s.owner_id AND t.project_id = s.project_id AND t.id = target
    WHERE  s.owner_id = item.owner_id AND s.id = item.spec_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'an item stays in its project' USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'bullet_items_spec_fkey';
    END IF;
    made := public.revise(item.owner_id, source.project_id);
    UPDATE public.specifications AS s
    SET    item_ids = array_remove(s.item_ids, item.id), revision = made.revision, updated_at = greatest(s.updated_at, at)
    WHERE  s.owner_id = item.owner_id AND s.id = item.spec_id
    RETURNING s.version INTO listed;
    INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id, spec_id, spec_version,
                                item_id, item_version, item_number, old_content, old_place, old_created_at, old_updated_at, old_spec_updated_at)
    VALUES (item.owner_id, source.project_id, made.revision, made.revised_at, 'item.moved', nullif(current_setting('app.user_id', true), '')::uuid, item.spec_id, listed.version,
            item.id, item.version, item.number, item.content, source.place, item.created_at, item.updated_at, source.updated_at);
    UPDATE public.specifications AS s
    SET    item_ids = CASE WHEN place IS NULL THEN s.item_ids || item.id
                           ELSE s.item_ids[:place] || item.id || s.item_ids[place + 1:] END,
           next_item_number = s.next_item_number + 1, revision = made.revision, updated_at = greatest(s.updated_at, at)
    WHERE  s.owner_id = item.owner_id AND s.id = target
    RETURNING s.version, s.next_item_number - 1 AS number INTO listed;
    INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id, spec_id, spec_version,
                                item_id, item_version, item_number, old_spec_updated_at)
    VALUES (item.owner_id, source.project_id, made.revision, made.revised_at, 'item.moved', nullif(current_setting('app.user_id', true), '')::uuid, target, listed.version,
            item.id, item.version + 1, listed.number, source.target_updated_at);
    RETURN listed.number;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION move_item(bullet_items, uuid, integer, timestamptz) FROM PUBLIC;
GRANT UPDATE (spec_id) ON bullet_items TO codegenapp_app;

-- Counts the versions of an item, and moves the item to its place, if there is one. A
-- statement that changes nothing has no effect.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION change_item() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    spec record;
    made record;
    counted bigint;
BEGIN
    IF NEW.owner_id <> OLD.owner_id THEN
        RAISE EXCEPTION 'an item stays with its owner' USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'bullet_items_spec_fkey';
    END IF;
    IF NEW.spec_id <> OLD.spec_id THEN
        NEW.number := public.move_item(OLD, NEW.spec_id, NEW.place, NEW.updated_at);
        NEW.version := OLD.version + 1;
        NEW.place := NULL;
        RETURN NEW;
    END IF;
    SELECT s.project_id, s.updated_at, array_position(s.item_ids, OLD.id) - 1 AS place INTO spec
    FROM   public.specifications AS s
    WHERE  s.owner_id = NEW.owner_id AND s.id = NEW.spec_id
    FOR    NO KEY UPDATE;
    IF NEW.place = spec.place THEN
        NEW.place := NULL;
    END IF;
    IF NEW.place IS NULL AND NEW.content = OLD.content THEN
        RETURN NULL;
    END IF;
    made := public.revise(NEW.owner_id, spec.project_id);
    NEW.version := OLD.version + 1;
    UPDATE public.specifications AS s
    SET    item_ids = CASE WHEN NEW.place IS NULL THEN s.item_ids
                           ELSE (array_remove(s.item_ids, NEW.id))[:NEW.place] || NEW.id || (array_remove(s.item_ids, NEW.id))[NEW.place + 1:] END,
           revision = made.revision, updated_at = greatest(s.updated_at, NEW.updated_at)
    WHERE  s.owner_id = NEW.owner_id AND s.id = NEW.spec_id
    RETURNING s.version INTO counted;
    INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id, spec_id, spec_version,
                                item_id, item_version, item_number, old_content, old_place, old_updated_at, old_spec_updated_at)
    VALUES (NEW.owner_id, spec.project_id, made.revision, made.revised_at,
            CASE WHEN NEW.content = OLD.content THEN 'item.moved' ELSE 'item.changed' END::public.change_kind,
            nullif(current_setting('app.user_id', true), '')::uuid, NEW.spec_id, counted, NEW.id, NEW.version, NEW.number,
            CASE WHEN NEW.content <> OLD.content THEN OLD.content END, CASE WHEN NEW.place IS NOT NULL THEN spec.place END,
            OLD.updated_at, spec.updated_at);
    NEW.place := NULL;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

-- Takes a deleted item off the list. Where the specification is deleted with its items,
-- there is no list any more.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION unlist_item() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    spec record;
    made record;
    counted bigint;
BEGIN
    SELECT s.project_id, s.updated_at, array_position(s.item_ids, OLD.id) - 1 AS place INTO spec
    FROM   public.specifications AS s
    WHERE  s.owner_id = OLD.owner_id AND s.id = OLD.spec_id
    FOR    NO KEY UPDATE;
    made := public.revise(OLD.owner_id, spec.project_id);
    UPDATE public.specifications AS s
    SET    item_ids = array_remove(s.item_ids, OLD.id), revision = made.revision, updated_at = greatest(s.updated_at, clock_timestamp())
    WHERE  s.owner_id = OLD.owner_id AND s.id = OLD.spec_id
    RETURNING s.version INTO counted;
    INSERT INTO public.changes (owner_id, project_id, revision, revised_at, kind, actor_id, spec_id, spec_version,
                                item_id, item_version, item_number, old_content, old_place, old_created_at, old_updated_at, old_spec_updated_at)
    VALUES (OLD.owner_id, spec.project_id, made.revision, made.revised_at, 'item.deleted', nullif(current_setting('app.user_id', true), '')::uuid, OLD.spec_id, counted,
            OLD.id, OLD.version, OLD.number, OLD.content, spec.place, OLD.created_at, OLD.updated_at, spec.updated_at);
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- A project that is deleted for good takes its history along.
-- +goose StatementBegin
CREATE FUNCTION delete_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM public.changes AS c WHERE c.owner_id = OLD.owner_id AND c.project_id = OLD.id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- A specification that is deleted for good leaves its changes, without the old texts.
-- +goose StatementBegin
CREATE FUNCTION erase_specification_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE public.changes AS c
    SET    old_title = NULL, old_content = NULL, old_item_ids = NULL, erased = true
    WHERE  c.owner_id = OLD.owner_id AND c.spec_id = OLD.id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- Nothing but a trigger calls these.
REVOKE ALL ON FUNCTION create_project(), change_project(), create_specification(), change_specification(), delete_history(), erase_specification_history(),
    list_item(), change_item(), unlist_item() FROM PUBLIC;

CREATE TRIGGER projects_create AFTER INSERT ON projects
    FOR EACH ROW EXECUTE FUNCTION create_project();
DROP TRIGGER projects_raise_version ON projects;
CREATE TRIGGER projects_change BEFORE UPDATE ON projects
    FOR EACH ROW EXECUTE FUNCTION change_project();
CREATE TRIGGER projects_delete AFTER DELETE ON projects
    FOR EACH ROW EXECUTE FUNCTION delete_history();
CREATE TRIGGER specifications_create BEFORE INSERT ON specifications
    FOR EACH ROW EXECUTE FUNCTION create_specification();
DROP TRIGGER specifications_raise_version ON specifications;
DROP TRIGGER specifications_item_list ON specifications;
CREATE TRIGGER specifications_change BEFORE UPDATE ON specifications
    FOR EACH ROW EXECUTE FUNCTION change_specification();
-- The deletion of a project reaches its specifications inside of a trigger.
CREATE TRIGGER specifications_delete AFTER DELETE ON specifications
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION erase_specification_history();
DROP FUNCTION raise_version(), reorder_items();

-- +goose Down
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '300ms', true);
    FOR attempt IN 1..300 LOOP
        BEGIN
            LOCK TABLE projects, specifications, bullet_items IN ACCESS EXCLUSIVE MODE;
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
DROP TRIGGER projects_create ON projects;
DROP TRIGGER projects_change ON projects;
DROP TRIGGER projects_delete ON projects;
DROP TRIGGER specifications_create ON specifications;
DROP TRIGGER specifications_change ON specifications;
DROP TRIGGER specifications_delete ON specifications;
DROP FUNCTION create_project(), change_project(), create_specification(), change_specification(), delete_history(), erase_specification_history();
DROP FUNCTION move_item(bullet_items, uuid, integer, timestamptz);
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION list_item() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER
AS $$
DECLARE
    number integer;
BEGIN
    UPDATE public.specifications AS s
    SET    item_ids = CASE WHEN NEW.place IS NULL THEN s.item_ids || NEW.id
                           ELSE s.item_ids[:NEW.place] || NEW.id || s.item_ids[NEW.place + 1:] END,
           next_item_number = greatest(s.next_item_number, coalesce(NEW.number, s.next_item_number) + 1),
           updated_at = greatest(s.updated_at, NEW.updated_at)
    WHERE  s.owner_id = NEW.owner_id AND s.id = NEW.spec_id
    RETURNING coalesce(NEW.number, s.next_item_number - 1) INTO number;
    NEW.number := coalesce(number, NEW.number);
    NEW.place := NULL;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION change_item() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER
AS $$
BEGIN
    IF NEW.owner_id <> OLD.owner_id OR NEW.spec_id <> OLD.spec_id THEN
        RAISE EXCEPTION 'an item stays in its specification' USING ERRCODE = 'check_violation', CONSTRAINT = 'specifications_item_list';
    END IF;
    NEW.version := OLD.version + 1;
    IF NEW.place IS NULL THEN
        UPDATE public.specifications AS s
        SET    updated_at = greatest(s.updated_at, NEW.updated_at)
        WHERE  s.owner_id = NEW.owner_id AND s.id = NEW.spec_id;
    ELSE
        UPDATE public.specifications AS s
        SET    item_ids = (array_remove(s.item_ids, NEW.id))[:NEW.place] || NEW.id || (array_remove(s.item_ids, NEW.id))[NEW.place + 1:],
               updated_at = greatest(s.updated_at, NEW.updated_at)
        WHERE  s.owner_id = NEW.owner_id AND s.id = NEW.spec_id;
        NEW.place := NULL;
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION unlist_item() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER
AS $$
BEGIN
    UPDATE public.specifications AS s
    SET    item_ids = array_remove(s.item_ids, OLD.id), updated_at = greatest(s.updated_at, clock_timestamp())
    WHERE  s.owner_id = OLD.owner_id AND s.id = OLD.spec_id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION reorder_items() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.item_ids = OLD.item_ids THEN
        RETURN NULL;
    END IF;
    IF (SELECT array_agg(l ORDER BY l) FROM unnest(NEW.item_ids) AS l) IS DISTINCT FROM
       (SELECT array_agg(l ORDER BY l) FROM unnest(OLD.item_ids) AS l) THEN
        RAISE EXCEPTION 'item_ids does not list the items' USING ERRCODE = 'check_violation', CONSTRAINT = 'specifications_item_list';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION raise_version() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
GRANT EXECUTE ON FUNCTION list_item(), change_item(), unlist_item() TO PUBLIC;
CREATE TRIGGER projects_raise_version BEFORE UPDATE ON projects
    FOR EACH ROW EXECUTE FUNCTION raise_version();
CREATE TRIGGER specifications_raise_version BEFORE UPDATE ON specifications
    FOR EACH ROW EXECUTE FUNCTION raise_version();
CREATE TRIGGER specifications_item_list BEFORE UPDATE OF item_ids ON specifications
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION reorder_items();
REVOKE UPDATE (spec_id) ON bullet_items FROM codegenapp_app;
DROP POLICY projects_read ON projects;
DROP POLICY specifications_written ON specifications;
ALTER TABLE specifications DROP COLUMN revision;
DROP FUNCTION revise(uuid, uuid);
DROP TABLE changes;
DROP TABLE project_revisions;
DROP TYPE change_kind;
