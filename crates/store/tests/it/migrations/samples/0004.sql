INSERT INTO sync_targets (id, account, provider, application_id, next_poll_at, interval_ms, lease_token, lease_holder,
                          lease_expires_at, failure_count, error_code, error_message, backfill_state, backfill_page)
VALUES
    ('00000000-0000-7000-8000-000000000051', 'main', 'scalingo', NULL, '2026-01-01 10:00Z', 5000, gen_random_uuid(),
     'process-1', '2026-01-01 10:00:15Z', 2, 'unavailable', 'the provider is not available', 'pending', NULL),
    ('00000000-0000-7000-8000-000000000052', 'main', 'scalingo', '00000000-0000-7000-8000-00000000000a', '2026-01-01 10:00Z',
     5000, NULL, NULL, NULL, 0, NULL, NULL, 'running', 'page-2');
