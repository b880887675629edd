-- Deletion of history: what is older than the retention, and what a user erases.

-- +goose Up

-- Locks the table of the policy before anything is changed. See migration 7.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '300ms', true);
    FOR attempt IN 1..300 LOOP
        BEGIN
            LOCK TABLE baselines IN ACCESS EXCLUSIVE MODE;
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

-- Deletes changes before a time, at most some rows, and returns how many. States before
-- them cannot be read any more. What a baseline needs stays, and so does the last day.
-- +goose StatementBegin
CREATE FUNCTION forget_history(before timestamptz, most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    deleted bigint;
BEGIN
    WITH gone AS (
        DELETE FROM public.changes AS c
        WHERE  c.ctid = ANY (ARRAY(
            SELECT o.ctid FROM public.changes AS o
            WHERE  o.revised_at < least(before, now() - interval '1 day')
            AND    NOT EXISTS (SELECT FROM public.baselines AS b WHERE b.owner_id = o.owner_id AND b.project_id = o.project_id AND b.revision < o.revision)
            LIMIT  most
            FOR    UPDATE SKIP LOCKED))
        RETURNING c.owner_id, c.project_id, c.revision
    ), oldest AS (
        UPDATE public.project_revisions AS r
        SET    oldest = greatest(r.oldest, g.revision)
        FROM   (SELECT owner_id, project_id, max(revision) AS revision FROM gone GROUP BY owner_id, project_id) AS g
        WHERE  r.owner_id = g.owner_id AND r.project_id = g.project_id
    )
    SELECT count(*) INTO deleted FROM gone;
    RETURN deleted;
END
$$;
-- +goose StatementEnd
CREATE POLICY baselines_read ON baselines FOR SELECT TO CURRENT_USER USING (true);

-- Deletes what the versions of a specification before one have replaced, and the saved
-- responses that contain the specification. It acts for the user of the tenant scope.
-- +goose StatementBegin
CREATE FUNCTION erase_history(spec uuid, before bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    erased bigint;
BEGIN
    UPDATE public.changes AS c
    SET    old_title = NULL, old_content = NULL, old_item_ids = NULL, erased = true
    WHERE  c.owner_id = public.app_user_id() AND c.spec_id = spec AND c.spec_version <= before AND NOT c.erased;
    GET DIAGNOSTICS erased = ROW_COUNT;
    RETURN erased;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION forget_history(timestamptz, integer), erase_history(uuid, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_history(timestamptz, integer), erase_history(uuid, bigint) TO codegenapp_app;

-- +goose Down
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '300ms', true);
    FOR attempt IN 1..300 LOOP
        BEGIN
            LOCK TABLE baselines IN ACCESS EXCLUSIVE MODE;
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
DROP FUNCTION forget_history(timestamptz, integer);
DROP FUNCTION erase_history(uuid, bigint);
DROP POLICY baselines_read ON baselines;
