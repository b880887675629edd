-- What the streams of live updates need once a second, in one query for all streams of a
-- replica: which sessions are live, and the newest revisions of the projects.
--
-- The migration only creates a function, and locks no table.
--
-- The query spans tenants, so it runs as the owner of the tables. It returns numbers
-- only, and a session only together with its user.

-- +goose Up
-- Returns a row for each stream, in their order. A stream without a project is about all
-- projects of the user: its revision is the sum of their revisions. It is NULL if the
-- project is not live.
-- +goose StatementBegin
CREATE FUNCTION watched(sessions uuid[], users uuid[], projects uuid[]) RETURNS TABLE (live boolean, revision bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT s.id IS NOT NULL,
           CASE WHEN w.project IS NOT NULL THEN CASE WHEN p.id IS NOT NULL THEN coalesce(r.revision, 0) END
                ELSE (SELECT coalesce(sum(a.revision), 0)::bigint FROM public.project_revisions AS a WHERE a.owner_id = w.owner) END
    FROM   unnest(watched.sessions, watched.users, watched.projects) WITH ORDINALITY AS w (session, owner, project, place)
    LEFT   JOIN public.sessions AS s ON s.id = w.session AND s.user_id = w.owner
                                    AND s.revoked_at IS NULL AND s.ends_at > now() AND s.expires_at > now()
    LEFT   JOIN public.projects AS p ON p.owner_id = w.owner AND p.id = w.project AND p.deleted_at IS NULL
    LEFT   JOIN public.project_revisions AS r ON r.owner_id = w.owner AND r.project_id = w.project
    ORDER  BY w.place;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION watched(uuid[], uuid[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION watched(uuid[], uuid[], uuid[]) TO codegenapp_app;

-- +goose Down
DROP FUNCTION watched(uuid[], uuid[], uuid[]);
