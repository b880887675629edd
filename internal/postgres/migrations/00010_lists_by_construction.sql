-- The list of a specification changes together with its items, in triggers of the items.
-- So each item is listed once, without a comparison of list and items at the commit, whose
-- cost grew with the list. A write of an item is one statement: the triggers also count
-- the version and the time of its specification.

-- +goose Up

-- Locks both tables before anything is changed, in the order of the service. See
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

DROP TRIGGER specifications_item_list ON specifications;
DROP TRIGGER bullet_items_list ON bullet_items;
DROP FUNCTION hold_item_list();
DROP TRIGGER bullet_items_raise_version ON bullet_items;

-- The index at which a statement inserts an item, or to which it moves one. The triggers
-- read it; no row keeps it.
ALTER TABLE bullet_items ADD COLUMN place integer;
GRANT INSERT (place), UPDATE (place) ON bullet_items TO codegenapp_app;

-- Lists a new item: at its place, or else at the end. An item without a number gets the
-- next one. The foreign key rejects an item without a specification.
-- +goose StatementBegin
CREATE FUNCTION list_item() RETURNS trigger
    LANGUAGE plpgsql
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

-- Counts the versions of an item and of its specification, and moves the item to its
-- place, if there is one. An item stays in its specification.
-- +goose StatementBegin
CREATE FUNCTION change_item() RETURNS trigger
    LANGUAGE plpgsql
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

-- Takes a deleted item off the list. Where the specification is deleted with its items,
-- there is no list any more.
-- +goose StatementBegin
CREATE FUNCTION unlist_item() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE public.specifications AS s
    SET    item_ids = array_remove(s.item_ids, OLD.id), updated_at = greatest(s.updated_at, clock_timestamp())
    WHERE  s.owner_id = OLD.owner_id AND s.id = OLD.spec_id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- Rejects a statement that changes which items the list names. Only the triggers of the
-- items do that. A statement that sets the list to what it is changes nothing: releases
-- before this migration send it after each write of an item.
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

CREATE TRIGGER bullet_items_list BEFORE INSERT ON bullet_items
    FOR EACH ROW EXECUTE FUNCTION list_item();
CREATE TRIGGER bullet_items_change BEFORE UPDATE ON bullet_items
    FOR EACH ROW EXECUTE FUNCTION change_item();
-- Deletions of a specification reach its items inside of a trigger.
CREATE TRIGGER bullet_items_unlist AFTER DELETE ON bullet_items
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION unlist_item();
-- Statements change the order here, triggers of the items change the list.
CREATE TRIGGER specifications_item_list BEFORE UPDATE OF item_ids ON specifications
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION reorder_items();

-- An index on updated_at would be written with each change. A list in this order sorts the
-- specifications of one project or the projects of one user: 1,000 by default.
DROP INDEX specifications_by_updated_at;
DROP INDEX projects_by_updated_at;
-- Room on the page for the next versions of a row, which then need no new entries in the
-- indexes (heap-only tuples).
ALTER TABLE specifications SET (fillfactor = 70);
ALTER TABLE projects SET (fillfactor = 80);
ALTER TABLE bullet_items SET (fillfactor = 90);

-- +goose Down
LOCK TABLE projects, specifications, bullet_items IN ACCESS EXCLUSIVE MODE;
DROP TRIGGER specifications_item_list ON specifications;
DROP TRIGGER bullet_items_list ON bullet_items;
DROP TRIGGER bullet_items_change ON bullet_items;
DROP TRIGGER bullet_items_unlist ON bullet_items;
DROP FUNCTION list_item(), change_item(), unlist_item(), reorder_items();
ALTER TABLE bullet_items DROP COLUMN place;
ALTER TABLE specifications RESET (fillfactor);
ALTER TABLE projects RESET (fillfactor);
ALTER TABLE bullet_items RESET (fillfactor);
CREATE INDEX specifications_by_updated_at ON specifications (project_id, trashed, updated_at, id);
CREATE INDEX projects_by_updated_at ON projects (owner_id, trashed, updated_at, id);
CREATE TRIGGER bullet_items_raise_version BEFORE UPDATE ON bullet_items
    FOR EACH ROW EXECUTE FUNCTION raise_version();

-- +goose StatementBegin
CREATE FUNCTION hold_item_list() RETURNS trigger
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
CREATE CONSTRAINT TRIGGER specifications_item_list AFTER UPDATE OF item_ids ON specifications
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.item_ids IS DISTINCT FROM NEW.item_ids) EXECUTE FUNCTION hold_item_list();
CREATE CONSTRAINT TRIGGER bullet_items_list AFTER INSERT OR DELETE OR UPDATE OF spec_id ON bullet_items
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold_item_list();
