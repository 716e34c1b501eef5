INSERT INTO deployment_logs (deployment_id, application_id, account, line_count, byte_count, state, written_at, fetch_at)
VALUES
    ('00000000-0000-7000-8000-0000000000d2', '00000000-0000-7000-8000-00000000000a', 'main', 1, 6, 'open', '2026-01-02Z',
     '2026-01-02Z'),
    ('00000000-0000-7000-8000-0000000000d4', '00000000-0000-7000-8000-00000000000a', 'main', 0, 0, 'missing', '2026-01-01Z',
     NULL);
INSERT INTO deployment_log_chunks VALUES ('00000000-0000-7000-8000-0000000000d2', 1, 1, 0, 6, false, '\x68656c6c6f0a');
UPDATE deployments SET log_state = 'missing' WHERE provider_deployment_id = 'dep-4';
