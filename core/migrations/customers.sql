-- Row-level security, grants and doors of customers and their users. Run as the owner.

DO $$
DECLARE t text;
BEGIN
    -- ORGANISATION: private to one; workers serve them all.
    FOREACH t IN ARRAY ARRAY['user_account', 'user_identity', 'sign_in_link', 'session', 'api_key', 'audit',
                             'label_overlay', 'brand_overlay', 'idempotency_key', 'webhook', 'webhook_delivery',
                             'export_file', 'api_usage'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner_all ON %I TO adology_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY own ON %I FOR ALL TO adology_app
                        USING (organisation_id = current_scope()) WITH CHECK (organisation_id = current_scope())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO adology_app', t);
    END LOOP;

    -- What workers do for every organisation: write exports, deliver webhooks, forget what is old.
    FOREACH t IN ARRAY ARRAY['webhook', 'webhook_delivery', 'export_file', 'idempotency_key', 'api_usage', 'session',
                             'sign_in_link'] LOOP
        EXECUTE format('CREATE POLICY machinery ON %I FOR ALL TO adology_worker USING (true) WITH CHECK (true)', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO adology_worker', t);
    END LOOP;
END $$;

-- What was done stays written.
REVOKE UPDATE, DELETE ON audit FROM adology_app;
CREATE POLICY machinery ON audit FOR INSERT TO adology_worker WITH CHECK (true);
GRANT INSERT ON audit TO adology_worker;

-- Its own name, and nobody else's.
ALTER TABLE organisation ENABLE ROW LEVEL SECURITY;
ALTER TABLE organisation FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON organisation TO adology_owner USING (true) WITH CHECK (true);
CREATE POLICY own ON organisation FOR SELECT TO adology_app USING (organisation_id = current_scope());
CREATE POLICY machinery ON organisation FOR SELECT TO adology_worker USING (true);
GRANT SELECT ON organisation TO adology_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO adology_app, adology_worker;

-- Doors: whoever knocks has no organisation yet, so these look across all of them, by the hash of a secret that only
-- its bearer has. They give that bearer and nothing else. "moment" is the caller's clock.
CREATE FUNCTION session_bearer(token text, moment timestamptz)
    RETURNS TABLE (session_id text, organisation_id text, user_id text, email text, role text, is_operator boolean)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE session s SET last_seen_at = moment
    WHERE s.token_hash = token AND s.revoked_at IS NULL AND s.expires_at > moment
          AND s.last_seen_at < moment - interval '1 minute';
    RETURN QUERY
        SELECT s.session_id, u.organisation_id, u.user_id, u.email, u.role,
               EXISTS (SELECT FROM operator o WHERE o.email = u.email)
        FROM session s JOIN user_account u ON u.user_id = s.user_id
        WHERE s.token_hash = token AND s.expires_at > moment AND s.revoked_at IS NULL AND u.disabled_at IS NULL;
END $$;

CREATE FUNCTION api_key_bearer(secret text, moment timestamptz)
    RETURNS TABLE (key_id text, organisation_id text, permissions text[])
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE api_key k SET last_used_at = moment
    WHERE k.secret_hash = secret AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > moment)
          AND (k.last_used_at IS NULL OR k.last_used_at < moment - interval '1 minute');
    RETURN QUERY
        SELECT k.key_id, k.organisation_id, k.permissions FROM api_key k
        WHERE k.secret_hash = secret AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > moment);
END $$;

-- Once: of two who redeem it together one gets the user.
CREATE FUNCTION redeem_sign_in_link(token text, moment timestamptz)
    RETURNS TABLE (organisation_id text, user_id text, email text, role text)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH redeemed AS (
        UPDATE sign_in_link l SET used_at = moment
        WHERE l.token_hash = token AND l.used_at IS NULL AND l.expires_at > moment RETURNING l.user_id)
    SELECT u.organisation_id, u.user_id, u.email, u.role
    FROM redeemed r JOIN user_account u ON u.user_id = r.user_id WHERE u.disabled_at IS NULL $$;

-- An identity is bound to the invited user of its e-mail at the first sign-in, and to no other ever after.
CREATE FUNCTION identity_bearer(of_issuer text, of_subject text, verified_email text, moment timestamptz)
    RETURNS TABLE (organisation_id text, user_id text, email text, role text)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO user_identity (issuer, subject, organisation_id, user_id, created_at)
    SELECT of_issuer, of_subject, u.organisation_id, u.user_id, moment FROM user_account u
    WHERE u.email = lower(verified_email) AND u.disabled_at IS NULL
    ON CONFLICT DO NOTHING;
    RETURN QUERY
        SELECT u.organisation_id, u.user_id, u.email, u.role
        FROM user_identity i JOIN user_account u ON u.user_id = i.user_id
        WHERE i.issuer = of_issuer AND i.subject = of_subject AND u.disabled_at IS NULL;
END $$;

REVOKE ALL ON FUNCTION session_bearer(text, timestamptz), api_key_bearer(text, timestamptz),
    redeem_sign_in_link(text, timestamptz), identity_bearer(text, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION session_bearer(text, timestamptz), api_key_bearer(text, timestamptz),
    redeem_sign_in_link(text, timestamptz), identity_bearer(text, text, text, timestamptz) TO adology_app;

-- Customers are made and operators named by operators, from the command line only.
CREATE FUNCTION operator_organisations()
    RETURNS TABLE (organisation_id text, name text, users bigint, brandspaces bigint, created_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT o.organisation_id, o.name,
           (SELECT count(*) FROM user_account u WHERE u.organisation_id = o.organisation_id AND u.disabled_at IS NULL),
           (SELECT count(*) FROM brandspace b WHERE b.organisation_id = o.organisation_id AND b.archived_at IS NULL),
           o.created_at
    FROM organisation o ORDER BY o.organisation_id $$;

CREATE FUNCTION operator_add_organisation(new_id text, new_name text) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO organisation (organisation_id, name) VALUES (new_id, new_name) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO audit (organisation_id, actor, action, subject)
    VALUES (new_id, 'operator', 'organisation.create', new_id);
    RETURN true;
END $$;

CREATE FUNCTION operator_operators() RETURNS TABLE (email text, added_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT o.email, o.added_at FROM operator o ORDER BY o.email $$;

-- Of a user there is: an address that nobody has yet could be claimed by any organisation. False without one.
CREATE FUNCTION operator_set_operator(of_email text, is_one boolean) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT is_one THEN
        DELETE FROM operator o WHERE o.email = lower(of_email);
        RETURN true;
    END IF;
    INSERT INTO operator (email) SELECT u.email FROM user_account u WHERE u.email = lower(of_email)
    ON CONFLICT DO NOTHING;
    RETURN EXISTS (SELECT FROM operator o WHERE o.email = lower(of_email));
END $$;

-- Whether a user of one's own organisation is an operator: nobody there may make links for them.
CREATE FUNCTION is_operators_account(of_user text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM user_account u JOIN operator o ON o.email = u.email
                   WHERE u.user_id = of_user AND u.organisation_id = current_scope()) $$;
REVOKE ALL ON FUNCTION is_operators_account(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_operators_account(text) TO adology_app;

REVOKE ALL ON FUNCTION operator_organisations(), operator_add_organisation(text, text), operator_operators(),
    operator_set_operator(text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION operator_organisations(), operator_add_organisation(text, text), operator_operators(),
    operator_set_operator(text, boolean) TO adology_operator;

-- The labels an organisation sees: its corrections in place of the machine's. The invoker's rights and rows.
CREATE VIEW seen_label WITH (security_invoker = true) AS
    SELECT l.scope, l.content_id, l.dimension, l.value, l.confidence, l.outcome, false AS is_corrected
    FROM label l
    WHERE NOT EXISTS (SELECT FROM label_overlay o WHERE o.scope = l.scope AND o.content_id = l.content_id
                      AND o.dimension = l.dimension)
    UNION ALL
    SELECT o.scope, o.content_id, o.dimension, v.value, 1.0, 'ok', true
    FROM label_overlay o
    CROSS JOIN LATERAL unnest(CASE WHEN cardinality(o.values) = 0 THEN '{unknown}' ELSE o.values END) AS v(value);
GRANT SELECT ON seen_label TO adology_app;

-- Which requests concern a brandspace: its exports, and what was asked for a brand it holds now. The invoker's rights
-- and rows.
CREATE VIEW request_brandspace WITH (security_invoker = true) AS
    SELECT r.request_id, r.organisation_id, s.brandspace_id
    FROM request r
    JOIN brandspace s ON s.organisation_id = r.organisation_id
        AND (s.brandspace_id = r.params->>'brandspace'
             OR EXISTS (SELECT FROM brandspace_brand b WHERE b.brandspace_id = s.brandspace_id
                        AND (b.slug = r.params->>'brand' OR r.params->'brands' ? b.slug)));
GRANT SELECT ON request_brandspace TO adology_app, adology_worker;

-- Events get their ids in the order of their commits: whoever resumes after an id misses none. The lock is taken when
-- nothing but the commit is left to do, so it is held for a moment and nobody waits for anything while holding it.
CREATE FUNCTION order_event() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE ordered bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7202611212);
    ordered := nextval('event_event_id_seq');
    UPDATE event SET event_id = ordered WHERE event_id = NEW.event_id;
    PERFORM pg_notify('adology_events', json_build_object('event_id', ordered)::text);
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION order_event() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER ordered AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION order_event();
