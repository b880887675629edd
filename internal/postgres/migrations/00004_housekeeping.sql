-- Housekeeping: which rows in the trash are due for deletion, across all users. The
-- service reads only owners and ids, and deletes each row in its owner's tenant
-- scope, under the same policies as everything else.

-- +goose Up
CREATE INDEX projects_trash ON projects (deleted_at) WHERE trashed;
CREATE INDEX specifications_trash ON specifications (deleted_at) WHERE trashed;

CREATE POLICY projects_trash_lookup ON projects FOR SELECT TO CURRENT_USER USING (trashed);
CREATE POLICY specifications_trash_lookup ON specifications FOR SELECT TO CURRENT_USER USING (trashed);

-- +goose StatementBegin
CREATE FUNCTION trash_due(before timestamptz, most integer)
    RETURNS TABLE (owner_id uuid, project_id uuid, specification_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
        (SELECT p.owner_id, p.id, NULL::uuid FROM public.projects AS p
         WHERE  p.trashed AND p.deleted_at < before ORDER BY p.deleted_at LIMIT most)
        UNION ALL
        (SELECT s.owner_id, NULL::uuid, s.id FROM public.specifications AS s
         WHERE  s.trashed AND s.deleted_at < before ORDER BY s.deleted_at LIMIT most);
END
$$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION trash_due(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION trash_due(timestamptz, integer) TO codegenapp_app;

-- +goose Down
DROP FUNCTION trash_due(timestamptz, integer);
DROP POLICY specifications_trash_lookup ON specifications;
DROP POLICY projects_trash_lookup ON projects;
DROP INDEX specifications_trash;
DROP INDEX projects_trash;
