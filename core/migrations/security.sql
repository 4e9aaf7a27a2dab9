-- Row-level security and grants of the first migration. Run as the owner.
-- app.scope holds one organisation (or 'shared' for a worker on shared data); unset or '' sees nothing.

CREATE FUNCTION current_scope() RETURNS text LANGUAGE sql STABLE
    AS $$ SELECT nullif(current_setting('app.scope', true), '') $$;

DO $$
DECLARE t text;
BEGIN
    -- SCOPED: read shared and one's own, write one's own only.
    FOREACH t IN ARRAY ARRAY['brand', 'brand_alias', 'scan', 'ad', 'ad_version', 'observation', 'creative',
                             'ad_media', 'content', 'label', 'embedding', 'document'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner_all ON %I TO adology_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY scoped_read ON %I FOR SELECT TO adology_app, adology_worker
                        USING (current_scope() IS NOT NULL AND scope IN (''shared'', current_scope()))', t);
        EXECUTE format('CREATE POLICY scoped_write ON %I FOR ALL TO adology_worker
                        USING (scope = current_scope()) WITH CHECK (scope = current_scope())', t);
        EXECUTE format('GRANT SELECT ON %I TO adology_app', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO adology_worker', t);
    END LOOP;

    -- ORGANISATION: private to one; workers serve them all.
    FOREACH t IN ARRAY ARRAY['brandspace', 'brandspace_brand', 'request', 'event', 'rejected_row', 'request_run'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner_all ON %I TO adology_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY own ON %I FOR ALL TO adology_app
                        USING (organisation_id = current_scope()) WITH CHECK (organisation_id = current_scope())', t);
        EXECUTE format('CREATE POLICY machinery ON %I FOR ALL TO adology_worker USING (true) WITH CHECK (true)', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO adology_app, adology_worker', t);
    END LOOP;

    -- MACHINERY: workers only.
    FOREACH t IN ARRAY ARRAY['run', 'run_record', 'run_item', 'outbox', 'queue_message', 'dead_letter',
                             'registry_epoch', 'heartbeat', 'notice'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO adology_worker', t);
    END LOOP;
END $$;

-- The API queues work in the transaction that stores its request; the relay sends it.
GRANT INSERT ON outbox TO adology_app;
-- A run's progress is read by those who may see its scope.
ALTER TABLE run ENABLE ROW LEVEL SECURITY;
ALTER TABLE run FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON run TO adology_owner USING (true) WITH CHECK (true);
CREATE POLICY machinery ON run FOR ALL TO adology_worker USING (true) WITH CHECK (true);
CREATE POLICY scoped_read ON run FOR SELECT TO adology_app
    USING (current_scope() IS NOT NULL AND scope IN ('shared', current_scope()));
GRANT SELECT ON run TO adology_app;

-- Who else is a customer is nobody's business: only workers read organisation.
GRANT SELECT ON provenance, alembic_version TO adology_app, adology_worker;
GRANT SELECT ON organisation TO adology_worker;
GRANT INSERT ON provenance TO adology_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO adology_app, adology_worker;

-- Search in text. Under row-level security ILIKE can't use the trigram index (it isn't leakproof; 190 ms instead of
-- 1 ms at 100,000 rows), so this runs as the owner and filters the scope itself. It gives ids, never text.
-- The first pattern goes by the index (ALL can't); the caller puts the longest first.
CREATE FUNCTION content_containing(patterns text[])
    RETURNS TABLE (scope text, content_id text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.scope, c.content_id FROM content c
    WHERE current_scope() IS NOT NULL AND c.scope IN ('shared', current_scope())
          AND c.text ILIKE patterns[1] AND c.text ILIKE ALL (patterns[2:]) $$;
REVOKE ALL ON FUNCTION content_containing(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION content_containing(text[]) TO adology_app;

-- Operators' figures over all tenants: counts and states, never content.
CREATE FUNCTION operator_queue_depths()
    RETURNS TABLE (queue text, waiting bigint, in_flight bigint, delayed bigint, oldest_age_seconds double precision)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT q.queue,
           count(*) FILTER (WHERE q.visible_at <= now()),
           count(*) FILTER (WHERE q.visible_at > now() AND q.receipt IS NOT NULL),
           count(*) FILTER (WHERE q.visible_at > now() AND q.receipt IS NULL),
           extract(epoch FROM now() - min(q.sent_at))
    FROM queue_message q GROUP BY q.queue $$;

CREATE FUNCTION operator_runs(most int)
    RETURNS TABLE (batch_id text, scope text, brand_slug text, state text, expected_count int, finished_count bigint,
                   failed_count bigint, partial boolean, ai_state text, error text, created_at timestamptz,
                   last_progress_at timestamptz, committed_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT r.batch_id, r.scope, r.brand_slug, r.state, r.expected_count,
           (SELECT count(*) FROM run_item i WHERE i.batch_id = r.batch_id AND i.state <> 'pending'),
           (SELECT count(*) FROM run_item i WHERE i.batch_id = r.batch_id AND i.state = 'failed'),
           r.partial, r.ai_state, r.error, r.created_at, r.last_progress_at, r.committed_at
    FROM run r ORDER BY r.created_at DESC LIMIT least(most, 1000) $$;

CREATE FUNCTION operator_dead_letters(most int)
    RETURNS TABLE (dead_letter_id bigint, scope text, queue text, reason text, batch_id text, item_id text,
                   created_at timestamptz, redriven_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT d.dead_letter_id, d.scope, d.queue, d.reason, d.batch_id, d.item_id, d.created_at, d.redriven_at
    FROM dead_letter d ORDER BY d.dead_letter_id DESC LIMIT least(most, 1000) $$;

CREATE FUNCTION operator_notices(most int)
    RETURNS TABLE (notice_id bigint, level text, subject text, text text, context jsonb, created_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT n.notice_id, n.level, n.subject, n.text, n.context, n.created_at
    FROM notice n ORDER BY n.notice_id DESC LIMIT least(most, 1000) $$;

CREATE FUNCTION operator_heartbeats()
    RETURNS TABLE (process_id text, roles text, host text, started_at timestamptz, last_seen_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT h.process_id, h.roles, h.host, h.started_at, h.last_seen_at
    FROM heartbeat h WHERE h.last_seen_at > now() - interval '15 minutes'
    ORDER BY h.last_seen_at DESC LIMIT 200 $$;

REVOKE ALL ON FUNCTION operator_queue_depths(), operator_runs(int), operator_dead_letters(int),
    operator_notices(int), operator_heartbeats() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION operator_queue_depths(), operator_runs(int), operator_dead_letters(int),
    operator_notices(int), operator_heartbeats() TO adology_operator;

INSERT INTO organisation (organisation_id, name) VALUES ('local', 'Local organisation');
INSERT INTO registry_epoch DEFAULT VALUES;
