-- Words and names that are longer than an entry of an index may be.
INSERT INTO deployments (id, application_id, provider, account, provider_deployment_id, status, is_finished, is_latest,
                         created_at, finished_at, first_seen_at, observed_at, observed_via, updated_at, version, tracked, body,
                         labels, application_name)
SELECT '00000000-0000-7000-8000-0000000000d4', application_id, provider, account, 'dep-4', 'failed', true, false,
       '2026-01-01 09:00Z', '2026-01-01 09:03Z', first_seen_at, observed_at, 'backfill', updated_at, 1,
       jsonb_set(jsonb_set(jsonb_set(tracked, '{state,status}', '"failed"'), '{details,git}', jsonb_build_object(
           'branch', repeat('feature/', 400), 'sha', repeat('f', 3000), 'message', repeat('long ', 2000) || repeat('x', 5000))),
           '{details,actor}', '{"email": "somebody@example.com"}'),
       body, '{"team": "web"}', 'shop'
FROM deployments WHERE provider_deployment_id = 'dep-1';
