-- Specifications and their bullet items.
--
-- The order of a specification's items is the list item_ids on its row. It is dense
-- by construction, and a reorder is one UPDATE of one row, however many items move.
-- Constraint triggers compare the list with the rows at the commit.

-- +goose Up
CREATE TABLE specifications (
    id               uuid        CONSTRAINT specifications_pkey PRIMARY KEY,
    project_id       uuid        NOT NULL,
    owner_id         uuid        NOT NULL,
    number           integer     NOT NULL CONSTRAINT specifications_number_sane CHECK (number >= 1),
    title            text COLLATE "C" NOT NULL
        CONSTRAINT specifications_title_length CHECK (char_length(title) <= 200),
    content          text        NOT NULL
        CONSTRAINT specifications_content_length CHECK (char_length(content) BETWEEN 1 AND 100000),
    item_ids         uuid[]      NOT NULL DEFAULT '{}',
    next_item_number integer     NOT NULL DEFAULT 1 CONSTRAINT specifications_next_number_sane CHECK (next_item_number >= 1),
    version          bigint      NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    deleted_at       timestamptz,
    trashed          boolean     NOT NULL GENERATED ALWAYS AS (deleted_at IS NOT NULL) STORED,
    CONSTRAINT specifications_id_owner_key UNIQUE (id, owner_id),
    CONSTRAINT specifications_number_key UNIQUE (project_id, number),
    CONSTRAINT specifications_project_fkey FOREIGN KEY (project_id, owner_id)
        REFERENCES projects (id, owner_id) ON DELETE CASCADE
);
-- A project has one owner. Without these statistics the planner takes the two columns
-- for independent. It then expects almost no rows of a project under row-level
-- security, and sorts instead of reading an index in order.
CREATE STATISTICS specifications_of_owner (dependencies) ON project_id, owner_id FROM specifications;
CREATE INDEX specifications_project_fkey_idx ON specifications (project_id, owner_id);
CREATE INDEX specifications_by_number     ON specifications (project_id, trashed, number, id);
CREATE INDEX specifications_by_created_at ON specifications (project_id, trashed, created_at, id);
CREATE INDEX specifications_by_updated_at ON specifications (project_id, trashed, updated_at, id);
CREATE INDEX specifications_by_title      ON specifications (project_id, trashed, title, id);

CREATE TABLE bullet_items (
    id         uuid        CONSTRAINT bullet_items_pkey PRIMARY KEY,
    spec_id    uuid        NOT NULL,
    owner_id   uuid        NOT NULL,
    number     integer     NOT NULL CONSTRAINT bullet_items_number_sane CHECK (number >= 1),
    content    text        NOT NULL
        CONSTRAINT bullet_items_content_length CHECK (char_length(content) BETWEEN 1 AND 5000),
    version    bigint      NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT bullet_items_number_key UNIQUE (spec_id, number),
    CONSTRAINT bullet_items_spec_fkey FOREIGN KEY (spec_id, owner_id)
        REFERENCES specifications (id, owner_id) ON DELETE CASCADE
);
CREATE STATISTICS bullet_items_of_owner (dependencies) ON spec_id, owner_id FROM bullet_items;
CREATE INDEX bullet_items_spec_fkey_idx ON bullet_items (spec_id, owner_id);

CREATE TRIGGER specifications_raise_version BEFORE UPDATE ON specifications
    FOR EACH ROW EXECUTE FUNCTION raise_version();
CREATE TRIGGER bullet_items_raise_version BEFORE UPDATE ON bullet_items
    FOR EACH ROW EXECUTE FUNCTION raise_version();

-- Rejects a commit after which a specification's list is not exactly its items, each
-- once. It runs when the list changes and when items are inserted or deleted.
-- +goose StatementBegin
CREATE FUNCTION hold_item_list() RETURNS trigger
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

-- Where both the list and the items change, the trigger on specifications is enough.
-- The one on items catches a change of the items alone.
CREATE CONSTRAINT TRIGGER specifications_item_list AFTER UPDATE OF item_ids ON specifications
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.item_ids IS DISTINCT FROM NEW.item_ids) EXECUTE FUNCTION hold_item_list();
CREATE CONSTRAINT TRIGGER bullet_items_list AFTER INSERT OR DELETE OR UPDATE OF spec_id ON bullet_items
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold_item_list();

-- The response to a POST that created a resource, for retries. It commits together
-- with the resource.
CREATE TABLE idempotency_keys (
    owner_id   uuid        NOT NULL CONSTRAINT idempotency_keys_owner_fkey REFERENCES users ON DELETE CASCADE,
    key        text        NOT NULL CONSTRAINT idempotency_keys_key_length CHECK (char_length(key) BETWEEN 1 AND 255),
    -- SHA-256 of the request that first used the key.
    request    bytea       NOT NULL CONSTRAINT idempotency_keys_request_length CHECK (octet_length(request) = 32),
    answer     text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (owner_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (owner_id, created_at);

ALTER TABLE specifications   ENABLE ROW LEVEL SECURITY;
ALTER TABLE specifications   FORCE  ROW LEVEL SECURITY;
ALTER TABLE bullet_items     ENABLE ROW LEVEL SECURITY;
ALTER TABLE bullet_items     FORCE  ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE  ROW LEVEL SECURITY;

CREATE POLICY specifications_own ON specifications TO codegenapp_app
    USING (owner_id = (SELECT app_user_id())) WITH CHECK (owner_id = (SELECT app_user_id()));
CREATE POLICY bullet_items_own ON bullet_items TO codegenapp_app
    USING (owner_id = (SELECT app_user_id())) WITH CHECK (owner_id = (SELECT app_user_id()));
CREATE POLICY idempotency_keys_own ON idempotency_keys TO codegenapp_app
    USING (owner_id = (SELECT app_user_id())) WITH CHECK (owner_id = (SELECT app_user_id()));

GRANT SELECT, DELETE ON specifications, bullet_items TO codegenapp_app;
GRANT INSERT (id, project_id, owner_id, number, title, content, created_at, updated_at) ON specifications TO codegenapp_app;
GRANT UPDATE (title, content, item_ids, next_item_number, updated_at, deleted_at) ON specifications TO codegenapp_app;
GRANT INSERT (id, spec_id, owner_id, number, content, created_at, updated_at) ON bullet_items TO codegenapp_app;
GRANT UPDATE (content, updated_at) ON bullet_items TO codegenapp_app;
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO codegenapp_app;

-- +goose Down
DROP TABLE idempotency_keys;
DROP TABLE bullet_items;
DROP TABLE specifications;
DROP FUNCTION hold_item_list();
