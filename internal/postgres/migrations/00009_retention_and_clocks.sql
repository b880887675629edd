-- Audit events have a retention, and no constraint or deletion depends on a clock that
-- only moves forward.

-- +goose Up

-- Waits for the locks in short attempts, as 00007 does: an export may hold a lock of
-- sessions for minutes, and a waiting ALTER would stop all requests behind it.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '300ms', true);
    FOR attempt IN 1..300 LOOP
        BEGIN
            LOCK TABLE sessions, used_id_tokens, audit_events IN ACCESS EXCLUSIVE MODE;
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

-- After the clock was set back, a session is used "before" it was created. last_used_at
-- is that time all the same: the grace of a refresh token is measured from it by the
-- same clock. NOT VALID, because the present rows are known to comply.
ALTER TABLE sessions DROP CONSTRAINT sessions_life_sane;
ALTER TABLE sessions ADD CONSTRAINT sessions_life_sane CHECK (expires_at <= ends_at) NOT VALID;

-- The owner of the tables deletes old events for the service, which has no right to. The
-- policies hold for the function below, too: whatever its parameter, it deletes no
-- younger event.
CREATE POLICY audit_events_old ON audit_events FOR SELECT TO CURRENT_USER USING (at < now() - interval '30 days');
CREATE POLICY audit_events_deleted ON audit_events FOR DELETE TO CURRENT_USER USING (at < now() - interval '30 days');

-- Deletes the audit events before a time, and those without an actor after 30 days. A
-- NULL time keeps all events with an actor. The parameter "most" bounds the rows of
-- each of the two.
-- +goose StatementBegin
CREATE FUNCTION forget_audit_events(before timestamptz, most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    anonymous bigint;
    known     bigint;
    oldest    timestamptz := now() - interval '30 days';
BEGIN
    DELETE FROM public.audit_events AS e
    WHERE  e.id IN (SELECT o.id FROM public.audit_events AS o WHERE o.actor_id IS NULL AND o.at < oldest ORDER BY o.at LIMIT most);
    GET DIAGNOSTICS anonymous = ROW_COUNT;
    DELETE FROM public.audit_events AS e
    WHERE  e.id IN (SELECT o.id FROM public.audit_events AS o WHERE o.at < least(before, oldest) AND before IS NOT NULL ORDER BY o.at LIMIT most);
    GET DIAGNOSTICS known = ROW_COUNT;
    RETURN anonymous + known;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION forget_audit_events(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_audit_events(timestamptz, integer) TO codegenapp_app;

-- A used ID token is kept a day longer than it is accepted. If the clock of the
-- database is ahead of the service's, the token would be accepted a second time.
DROP POLICY used_id_tokens_expired ON used_id_tokens;
DROP POLICY used_id_tokens_forgotten ON used_id_tokens;
CREATE POLICY used_id_tokens_expired ON used_id_tokens FOR SELECT TO CURRENT_USER USING (expires_at < now() - interval '1 day');
CREATE POLICY used_id_tokens_forgotten ON used_id_tokens FOR DELETE TO CURRENT_USER USING (expires_at < now() - interval '1 day');
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION forget_expired(most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tokens   bigint;
    sessions bigint;
BEGIN
    DELETE FROM public.used_id_tokens AS t
    WHERE  t.hash IN (SELECT o.hash FROM public.used_id_tokens AS o WHERE o.expires_at < now() - interval '1 day' ORDER BY o.expires_at LIMIT most);
    GET DIAGNOSTICS tokens = ROW_COUNT;
    DELETE FROM public.sessions AS s
    WHERE (s.user_id, s.id) IN (SELECT o.user_id, o.id FROM public.sessions AS o WHERE o.expires_at < now() - interval '30 days' ORDER BY o.expires_at LIMIT most);
    GET DIAGNOSTICS sessions = ROW_COUNT;
    RETURN tokens + sessions;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION forget_expired(most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tokens   bigint;
    sessions bigint;
BEGIN
    DELETE FROM public.used_id_tokens AS t
    WHERE  t.hash IN (SELECT o.hash FROM public.used_id_tokens AS o WHERE o.expires_at < now() ORDER BY o.expires_at LIMIT most);
    GET DIAGNOSTICS tokens = ROW_COUNT;
    DELETE FROM public.sessions AS s
    WHERE (s.user_id, s.id) IN (SELECT o.user_id, o.id FROM public.sessions AS o WHERE o.expires_at < now() - interval '30 days' ORDER BY o.expires_at LIMIT most);
    GET DIAGNOSTICS sessions = ROW_COUNT;
    RETURN tokens + sessions;
END
$$;
-- +goose StatementEnd
DROP POLICY used_id_tokens_forgotten ON used_id_tokens;
DROP POLICY used_id_tokens_expired ON used_id_tokens;
CREATE POLICY used_id_tokens_expired ON used_id_tokens FOR SELECT TO CURRENT_USER USING (expires_at < now());
CREATE POLICY used_id_tokens_forgotten ON used_id_tokens FOR DELETE TO CURRENT_USER USING (expires_at < now());

DROP FUNCTION forget_audit_events(timestamptz, integer);
DROP POLICY audit_events_deleted ON audit_events;
DROP POLICY audit_events_old ON audit_events;

UPDATE sessions SET last_used_at = created_at WHERE last_used_at < created_at;
ALTER TABLE sessions DROP CONSTRAINT sessions_life_sane;
ALTER TABLE sessions ADD CONSTRAINT sessions_life_sane CHECK (created_at <= last_used_at AND expires_at <= ends_at);
