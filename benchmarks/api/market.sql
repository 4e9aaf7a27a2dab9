-- A market of any size, written straight into the tables: what years of scans would have left behind.
-- Numbers stand for names after a dollar sign (market.py). Run by the server's administrator.
--
-- Every brand has as many ads as any other, so a brandspace stays as large as it is while the market grows. Ads come in
-- ten weekly waves and lie in the table as they came: a brand's ads are scattered. Each is seen for ten weeks; the
-- newest scan is the last wave's last week. Two ads of a brand share a text, four are one concept.

SET session_replication_role = replica;
SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';
SET work_mem = '128MB';
DROP INDEX ix_content_search;

-- Twenty-four of 500 words, other ones for each number.
CREATE FUNCTION pg_temp.sentence(number bigint) RETURNS text LANGUAGE sql IMMUTABLE AS '
    SELECT string_agg((ARRAY[$syllables])[1 + hashint8(number * 32 + place) & 15]
                      || (ARRAY[$syllables])[1 + hashint8(number * 32 + place + 7) & 15], '' '')
    FROM generate_series(1, 24) AS place';

CREATE TEMP TABLE made AS
SELECT i, md5('ad' || i) AS ad_id, md5('version' || i) AS version_id, md5('content' || content) AS content_id, content,
       md5('file' || i) || md5('e' || i) AS sha256, 'brand-' || to_char(brand, 'FM000000') AS slug,
       DATE '2026-01-05' + 7 * wave AS first_seen, DATE '2026-01-05' + 7 * (wave + 9) AS last_seen, wave
FROM (SELECT i, (i / $per_wave) % $brands AS brand, i / ($per_wave * $brands) AS wave,
             i / ($per_wave * $brands) * $brands * $contents_per_wave
             + (i / $per_wave) % $brands * $contents_per_wave + i % $per_wave / 2 AS content
      FROM generate_series(0, $ads - 1) AS i) AS numbered;
ANALYZE made;

INSERT INTO brand (scope, slug, display_name, industry)
SELECT 'shared', 'brand-' || to_char(b, 'FM000000'), 'Brand ' || b, 'shoes' FROM generate_series(0, $brands - 1) AS b;
INSERT INTO brand_alias (scope, alias_key, slug, written)
SELECT scope, slug, slug, display_name FROM brand;

INSERT INTO scan (scan_id, scope, brand_slug, channel, account, scanned_on, digest, batch_id, counts)
SELECT md5(slug || week), 'shared', slug, 'meta', '', DATE '2026-01-05' + 7 * week, md5(slug || week), 'benchmark',
       '{"ads": 50, "new": 5, "changed": 1, "seen_again": 44, "not_seen": 5}'
FROM brand, generate_series(0, $scans - 1) AS week;

INSERT INTO ad (ad_id, scope, channel, account, external_id, brand_slug, page_name, first_seen, last_seen,
                last_scanned_on, run_start, run_end, countries, format, media_status, cover_sha256, current_version_id,
                content_id, variant_id)
SELECT ad_id, 'shared', 'meta', '', 'x' || i, slug, slug, first_seen, last_seen, last_seen,
       CASE WHEN i % 4 > 0 THEN first_seen - 3 END, CASE WHEN i % 3 = 0 THEN last_seen END,
       CASE i % 5 WHEN 0 THEN '{}'::text[] WHEN 1 THEN '{DE,AT}' ELSE ARRAY[(ARRAY['US','GB','FR','KR'])[1 + i % 4]] END,
       (ARRAY['image','video','carousel'])[1 + i % 3], CASE WHEN i % 20 > 0 THEN 'ok' ELSE 'removed' END,
       CASE WHEN i % 20 > 0 THEN sha256 END, version_id, content_id, md5('variant' || i)
FROM made ORDER BY i;
INSERT INTO variant (scope, variant_id, brand_slug, content_id, cover_sha256, concept_id, joined_by, compared_at)
SELECT 'shared', md5('variant' || i), slug, content_id, CASE WHEN i % 20 > 0 THEN sha256 END,
       md5('variant' || min(i) OVER (PARTITION BY slug, content / 2)), 'embedding', now()
FROM made ORDER BY i;

INSERT INTO ad_version (version_id, scope, ad_id, content_hash, version_key, copy, title, description, cta, landing_url,
                        landing_domain, format, platforms, text_hash, content_id, first_seen, last_seen)
SELECT version_id, 'shared', ad_id, version_id, '', words.text, 'Title ' || content, '',
       (ARRAY['Shop Now','Learn More','Sign Up',''])[1 + content % 4], 'https://' || slug || '.example/' || i % 9,
       slug || '.example', (ARRAY['image','video','carousel'])[1 + i % 3], '{facebook,instagram}', content_id,
       content_id, first_seen, last_seen
FROM made JOIN LATERAL (SELECT pg_temp.sentence(content) AS text) AS words ON true ORDER BY i;

INSERT INTO content (scope, content_id, text_hash, text, cta, labelled_with)
SELECT DISTINCT ON (content) 'shared', content_id, content_id, 'Title ' || content || E'\n' || pg_temp.sentence(content),
       (ARRAY['Shop Now','Learn More','Sign Up',''])[1 + content % 4], 'v1'
FROM made ORDER BY content;

INSERT INTO provenance (provenance_id, body) VALUES ('benchmark', '{"method": "rules", "model": "local-heuristics"}');
INSERT INTO label (scope, content_id, dimension, value, confidence, evidence, outcome, modality, provenance_id)
SELECT 'shared', content_id, dimension,
       CASE WHEN (content + place) % 6 = 0 THEN 'unknown' ELSE dimension || '_' || (hashint8(content * 8 + place) & 7) END,
       0.8, '[{"quote": "Title", "start": 0, "end": 5}]', 'ok', 'text', 'benchmark'
FROM (SELECT DISTINCT content, content_id FROM made) AS contents,
     unnest(ARRAY['hook','offer','cta','tone','theme','audience','language']) WITH ORDINALITY AS d (dimension, place)
ORDER BY content;

INSERT INTO observation (scan_id, version_id, scope, ad_id, seen_on)
SELECT md5(slug || week), version_id, 'shared', ad_id, DATE '2026-01-05' + 7 * week
FROM made, generate_series(wave + 10 - $observed, wave + 9) AS week ORDER BY week, i;

INSERT INTO creative (scope, sha256, content_type, size_bytes, width, height)
SELECT 'shared', sha256, 'image/jpeg', 50000, 1080, 1080 FROM made WHERE i % 20 > 0 ORDER BY i;
INSERT INTO ad_media (ad_id, item_id, scope, role, position, status, reason, sha256, url)
SELECT ad_id, md5('item' || i), 'shared', 'image', 0, CASE WHEN i % 20 > 0 THEN 'ok' ELSE 'removed' END,
       CASE WHEN i % 20 = 0 THEN 'the source has removed it' END, CASE WHEN i % 20 > 0 THEN sha256 END,
       'https://media.example/' || i
FROM made ORDER BY i;

INSERT INTO request (request_id, organisation_id, kind, status, result, created_at)
SELECT md5('request' || n), CASE WHEN n <= 200 THEN 'local' ELSE 'other' END, 'import', 'completed', '{"ads": 50}',
       now() - n * interval '1 minute'
FROM generate_series(1, 200 + $brands) AS n;
INSERT INTO event (organisation_id, request_id, body)
SELECT organisation_id, request_id, '{"status": "completed"}' FROM request;
INSERT INTO rejected_row (request_id, position, organisation_id, file, line, code, reason, excerpt)
SELECT request_id, n, organisation_id, 'ads.csv', n + 2, 'ragged_row', '3 fields instead of 5', 'a,b,c'
FROM request, generate_series(0, 9) AS n;

CREATE INDEX ix_content_search ON content USING gin (text gin_trgm_ops);

-- What a commit leaves beside its brand; the newest scan is the same day for all.
WITH figures AS (
    SELECT brand_slug, count(*) AS ads, count(*) FILTER (WHERE run_end < newest) AS stopped,
           count(*) FILTER (WHERE last_scanned_on < newest AND run_end IS NULL) AS not_seen
    FROM ad, (SELECT max(scanned_on) AS newest FROM scan) AS days GROUP BY brand_slug)
UPDATE brand SET ads = f.ads, stopped = f.stopped, not_seen = f.not_seen, active = f.ads - f.stopped - f.not_seen
FROM figures f WHERE f.brand_slug = brand.slug;

INSERT INTO brandspace (brandspace_id, organisation_id, name) VALUES ('watched', 'local', 'Watched');
INSERT INTO brandspace_brand (brandspace_id, organisation_id, slug, role)
SELECT 'watched', 'local', slug, 'competitor' FROM brand WHERE slug = ANY (ARRAY[$watched]);
