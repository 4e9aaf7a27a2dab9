-- Row-level security and grants of what is read in pictures and by models, of groups, themes and spending. As the owner.

DO $$
DECLARE t text;
BEGIN
    -- SCOPED: read shared and one's own, write one's own only.
    FOREACH t IN ARRAY ARRAY['label_past', 'image_reading', 'label_quality', 'variant'] LOOP
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

    -- ORGANISATION: private to one.
    FOREACH t IN ARRAY ARRAY['concept_split', 'concept_merge', 'theme', 'theme_member', 'frozen_comparison',
                             'ai_call', 'ai_budget', 'ai_spending', 'ai_reservation'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner_all ON %I TO adology_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY own ON %I FOR ALL TO adology_app
                        USING (organisation_id = current_scope()) WITH CHECK (organisation_id = current_scope())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO adology_app', t);
    END LOOP;

    -- What workers do for every organisation: spend within its budget, find its themes.
    FOREACH t IN ARRAY ARRAY['theme', 'theme_member', 'ai_call', 'ai_budget', 'ai_spending', 'ai_reservation'] LOOP
        EXECUTE format('CREATE POLICY machinery ON %I FOR ALL TO adology_worker USING (true) WITH CHECK (true)', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO adology_worker', t);
    END LOOP;
END $$;

-- What was spent stays written, and so does what was frozen.
REVOKE UPDATE, DELETE ON ai_call FROM adology_app, adology_worker;
REVOKE INSERT, UPDATE, DELETE ON ai_call, ai_spending, ai_reservation FROM adology_app;
REVOKE UPDATE ON frozen_comparison FROM adology_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO adology_app, adology_worker;

-- Whose contents models read as they come, over all scopes: slugs and who pays, never content.
CREATE FUNCTION analysed_brands() RETURNS TABLE (scope text, brand_slug text, payer text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT b.scope, b.slug, b.analysed_for FROM brand b
    WHERE b.state = 'analysed' AND b.analysed_for IS NOT NULL ORDER BY b.scope, b.slug $$;
REVOKE ALL ON FUNCTION analysed_brands() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analysed_brands() TO adology_worker;

-- What organisations said of a variant goes along with its ads into another, which no ad had before: old to new, pair
-- by pair, of the worker's scope. What is said of the new one stands; of two that become one, the later word holds.
CREATE FUNCTION carry_splits(old_variants text[], new_variants text[]) RETURNS void
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO concept_split (organisation_id, scope, variant_id, concept_id, corrected_by, corrected_at)
    SELECT DISTINCT ON (s.organisation_id, moved.new_id)
        s.organisation_id, s.scope, moved.new_id, s.concept_id, s.corrected_by, s.corrected_at
    FROM unnest(old_variants, new_variants) AS moved (old_id, new_id)
    JOIN concept_split s ON s.scope = current_scope() AND s.variant_id = moved.old_id
    ORDER BY s.organisation_id, moved.new_id, s.corrected_at DESC, s.variant_id
    ON CONFLICT DO NOTHING $$;
REVOKE ALL ON FUNCTION carry_splits(text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION carry_splits(text[], text[]) TO adology_worker;
