-- Deletion of the history of a whole project, for a secret that was pasted into its own
-- texts, or into more than one specification. See decision 0044.

-- +goose Up

-- Deletes what the revisions of a project up to one have replaced, in the project and in
-- all its specifications. It acts for the user of the tenant scope.
-- +goose StatementBegin
CREATE FUNCTION erase_project_history(project uuid, before bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    erased bigint;
BEGIN
    UPDATE public.changes AS c
    SET    old_title = NULL, old_content = NULL, old_item_ids = NULL, erased = true
    WHERE  c.owner_id = public.app_user_id() AND c.project_id = project AND c.revision <= before AND NOT c.erased;
    GET DIAGNOSTICS erased = ROW_COUNT;
    RETURN erased;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION erase_project_history(uuid, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_project_history(uuid, bigint) TO codegenapp_app;

-- The statistics of the planner are samples of values. No query filters by old texts, so
-- they need no statistics, and an erased text is in none.
ALTER TABLE changes ALTER COLUMN old_title SET STATISTICS 0, ALTER COLUMN old_content SET STATISTICS 0;

-- +goose Down
ALTER TABLE changes ALTER COLUMN old_title SET STATISTICS -1, ALTER COLUMN old_content SET STATISTICS -1;
DROP FUNCTION erase_project_history(uuid, bigint);
