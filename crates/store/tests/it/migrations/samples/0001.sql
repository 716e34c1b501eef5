-- An event of each kind of subject, the counter with them.
UPDATE event_head SET seq = 3;
INSERT INTO events (seq, type, occurred_at, recorded_at, application_id, deployment_id, provider, account, environment, status,
                    previous_status, observed_via, reason, trace_id, deployment)
VALUES
    (1, 'application.discovered', NULL, '2026-01-01 10:00Z', '00000000-0000-7000-8000-00000000000a', NULL, 'scalingo', 'main',
     'production', NULL, NULL, NULL, NULL, NULL, NULL),
    (2, 'deployment.created', '2026-01-01 10:01Z', '2026-01-01 10:01:01Z', '00000000-0000-7000-8000-00000000000a',
     '00000000-0000-7000-8000-0000000000d1', 'scalingo', 'main', 'production', 'in_progress', NULL, 'poll', NULL, 'trace',
     '{"id":"00000000-0000-7000-8000-0000000000d1","version":1}'),
    (3, 'account.freshness_changed', NULL, '2026-01-01 10:02Z', NULL, NULL, 'scalingo', 'main', NULL, NULL, NULL, NULL,
     'fresh', NULL, NULL);
