-- The writes of the hand-written server: one function, and so one round trip, for each.
-- They run with the rights of the caller, under the policies.
--
-- A write is one UPDATE that has all conditions. It locks the row, and PostgreSQL checks
-- the conditions again on the newest version of it. Only if it finds no row, a query
-- finds out why. The SQLSTATE of an error ends with the HTTP status.

-- Each begins with this query: it checks the session, and sets the user of the policies
-- until the end of the transaction.
CREATE PROCEDURE sign_in(session uuid, caller uuid) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('app.user_id', caller::text, true)
    FROM    sessions
    WHERE   id = session AND user_id = caller AND expires_at > clock_timestamp();
    IF NOT FOUND THEN
        RAISE SQLSTATE 'RF401';
    END IF;
END $$;

CREATE FUNCTION create_item(
    session uuid, caller uuid, spec uuid, item uuid, new_content text,
    OUT project uuid, OUT spec_number integer, OUT item_number integer, OUT place integer, OUT at timestamptz
) LANGUAGE plpgsql AS $$
BEGIN
    CALL sign_in(session, caller);
    UPDATE specifications AS s
    SET    item_ids = item_ids || item, next_item_number = next_item_number + 1,
           version = version + 1, updated_at = greatest(updated_at, clock_timestamp())
    WHERE  owner_id = caller AND id = spec AND deleted_at IS NULL AND cardinality(item_ids) < 500
    AND    EXISTS (SELECT FROM projects AS p WHERE p.owner_id = caller AND p.id = s.project_id AND p.deleted_at IS NULL)
    RETURNING project_id, number, next_item_number - 1, cardinality(item_ids) - 1, updated_at
    INTO   project, spec_number, item_number, place, at;
    IF NOT FOUND THEN
        PERFORM FROM specifications AS s JOIN projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
        WHERE   s.owner_id = caller AND s.id = spec AND s.deleted_at IS NULL AND p.deleted_at IS NULL;
        IF FOUND THEN
            RAISE SQLSTATE 'RF409';
        END IF;
        RAISE SQLSTATE 'RF404';
    END IF;
    INSERT INTO items (owner_id, id, specification_id, number, content, created_at, updated_at)
    VALUES (caller, item, spec, item_number, new_content, at, at);
END $$;

CREATE FUNCTION create_specification(
    session uuid, caller uuid, project uuid, spec uuid, new_title text, new_content text,
    OUT spec_number integer, OUT at timestamptz
) LANGUAGE plpgsql AS $$
BEGIN
    CALL sign_in(session, caller);
    UPDATE projects
    SET    specification_count = specification_count + 1, next_number = next_number + 1,
           updated_at = greatest(updated_at, clock_timestamp())
    WHERE  owner_id = caller AND id = project AND deleted_at IS NULL AND specification_count < 1000
    RETURNING next_number - 1, updated_at INTO spec_number, at;
    IF NOT FOUND THEN
        PERFORM FROM projects WHERE owner_id = caller AND id = project AND deleted_at IS NULL;
        IF FOUND THEN
            RAISE SQLSTATE 'RF409';
        END IF;
        RAISE SQLSTATE 'RF404';
    END IF;
    INSERT INTO specifications (owner_id, id, project_id, number, title, content, created_at, updated_at)
    VALUES (caller, spec, project, spec_number, new_title, new_content, at, at);
END $$;

-- A null title or content stays as it is, and a null expected version matches any.
CREATE FUNCTION update_specification(
    session uuid, caller uuid, spec uuid, expected bigint, new_title text, new_content text,
    OUT project uuid, OUT spec_number integer, OUT spec_title text, OUT spec_content text, OUT item_count integer,
    OUT spec_version bigint, OUT created timestamptz, OUT updated timestamptz
) LANGUAGE plpgsql AS $$
BEGIN
    CALL sign_in(session, caller);
    UPDATE specifications AS s
    SET    title = coalesce(new_title, title), content = coalesce(new_content, content),
           version = version + 1, updated_at = greatest(updated_at, clock_timestamp())
    WHERE  owner_id = caller AND id = spec AND deleted_at IS NULL AND version = coalesce(expected, version)
    AND    (title <> new_title OR content <> new_content)
    AND    EXISTS (SELECT FROM projects AS p WHERE p.owner_id = caller AND p.id = s.project_id AND p.deleted_at IS NULL)
    RETURNING project_id, number, title, content, cardinality(item_ids), version, created_at, updated_at
    INTO   project, spec_number, spec_title, spec_content, item_count, spec_version, created, updated;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT s.project_id, s.number, s.title, s.content, cardinality(s.item_ids), s.version, s.created_at, s.updated_at
    INTO   project, spec_number, spec_title, spec_content, item_count, spec_version, created, updated
    FROM   specifications AS s JOIN projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
    WHERE  s.owner_id = caller AND s.id = spec AND s.deleted_at IS NULL AND p.deleted_at IS NULL;
    IF NOT FOUND THEN
        RAISE SQLSTATE 'RF404';
    ELSIF spec_version <> expected THEN
        RAISE SQLSTATE 'RF412';
    END IF;
END $$;

-- The row of the specification is locked first, as all writes of its items do.
CREATE FUNCTION update_item(
    session uuid, caller uuid, item uuid, expected bigint, new_content text,
    OUT spec uuid, OUT project uuid, OUT spec_number integer, OUT item_number integer, OUT place integer,
    OUT item_version bigint, OUT created timestamptz, OUT updated timestamptz
) LANGUAGE plpgsql AS $$
BEGIN
    CALL sign_in(session, caller);
    SELECT s.id, s.project_id, s.number, array_position(s.item_ids, item) - 1 INTO spec, project, spec_number, place
    FROM   specifications AS s JOIN projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
    WHERE  s.owner_id = caller AND s.deleted_at IS NULL AND p.deleted_at IS NULL
    AND    s.id = (SELECT i.specification_id FROM items AS i WHERE i.owner_id = caller AND i.id = item)
    FOR    NO KEY UPDATE OF s;
    IF NOT FOUND THEN
        RAISE SQLSTATE 'RF404';
    END IF;
    UPDATE items
    SET    content = new_content, version = version + 1, updated_at = greatest(updated_at, clock_timestamp())
    WHERE  owner_id = caller AND id = item AND version = coalesce(expected, version) AND content <> new_content
    RETURNING number, version, created_at, updated_at INTO item_number, item_version, created, updated;
    IF FOUND THEN
        UPDATE specifications SET version = version + 1, updated_at = greatest(updated_at, clock_timestamp())
        WHERE  owner_id = caller AND id = spec;
        RETURN;
    END IF;
    SELECT number, version, created_at, updated_at INTO item_number, item_version, created, updated
    FROM   items WHERE owner_id = caller AND id = item;
    IF NOT FOUND THEN
        RAISE SQLSTATE 'RF404';
    ELSIF item_version <> expected THEN
        RAISE SQLSTATE 'RF412';
    END IF;
END $$;

-- The ids of the items are distinct. So an array of the same length that contains them
-- all is a permutation of them.
CREATE FUNCTION reorder_items(
    session uuid, caller uuid, spec uuid, expected bigint, wanted uuid[], OUT project uuid, OUT spec_version bigint
) LANGUAGE plpgsql AS $$
DECLARE
    present uuid[];
BEGIN
    CALL sign_in(session, caller);
    UPDATE specifications AS s
    SET    item_ids = wanted, version = version + 1, updated_at = greatest(updated_at, clock_timestamp())
    WHERE  owner_id = caller AND id = spec AND deleted_at IS NULL AND version = coalesce(expected, version)
    AND    item_ids <> wanted AND cardinality(item_ids) = cardinality(wanted) AND wanted @> item_ids
    AND    EXISTS (SELECT FROM projects AS p WHERE p.owner_id = caller AND p.id = s.project_id AND p.deleted_at IS NULL)
    RETURNING project_id, version INTO project, spec_version;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT s.project_id, s.version, s.item_ids INTO project, spec_version, present
    FROM   specifications AS s JOIN projects AS p ON p.owner_id = s.owner_id AND p.id = s.project_id
    WHERE  s.owner_id = caller AND s.id = spec AND s.deleted_at IS NULL AND p.deleted_at IS NULL;
    IF NOT FOUND THEN
        RAISE SQLSTATE 'RF404';
    ELSIF spec_version <> expected THEN
        RAISE SQLSTATE 'RF412';
    ELSIF present <> wanted THEN
        RAISE SQLSTATE 'RF409';
    END IF;
END $$;
