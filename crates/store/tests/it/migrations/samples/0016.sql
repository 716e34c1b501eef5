-- An end before the start, and a commit in another time zone.
INSERT INTO deployments (id, application_id, provider, account, provider_deployment_id, status, is_finished, is_latest,
                         created_at, finished_at, first_seen_at, observed_at, observed_via, updated_at, version, tracked, body)
SELECT '00000000-0000-7000-8000-0000000000d5', application_id, provider, account, 'dep-5', 'succeeded', true, false,
       '2026-01-01 08:00Z', '2026-01-01 08:03Z', first_seen_at, observed_at, 'backfill', updated_at, 1,
       jsonb_set(jsonb_set(tracked, '{details,started_at}', '"2026-01-01T09:00:00Z"'),
                 '{details,git,committed_at}', '"2026-01-01T07:00:00+01:00"'),
       body
FROM deployments WHERE provider_deployment_id = 'dep-1';
