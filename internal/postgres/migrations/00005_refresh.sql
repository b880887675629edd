-- The user of a session. A refresh token names only the session and the caller is not
-- known yet, so the function runs as the owner.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION session_owner(session uuid) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT s.user_id FROM public.sessions AS s WHERE s.id = session);
END
$$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION session_owner(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION session_owner(uuid) TO codegenapp_app;

-- +goose Down
DROP FUNCTION session_owner(uuid);
