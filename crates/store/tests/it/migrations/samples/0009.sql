-- One that is settled and whose source may be needed again, and one in flight.
INSERT INTO intents (id, application_id, account, action, target_deployment_id, deployment_id, request, overrides_freeze,
                     principal_id, principal, created_at, state, due_at, calling_at, settled_at, outcome)
VALUES
    ('00000000-0000-7000-8000-000000000091', '00000000-0000-7000-8000-00000000000a', 'main', 'trigger', NULL,
     '00000000-0000-7000-8000-0000000000d1',
     '{"action": "trigger", "git_ref": "main", "source_url": "https://example.com/a.tar.gz", "services": [],
       "deployment_profile": null}',
     false, 'token:1', 'wall', '2026-01-01 10:00Z', 'settled', '2026-01-01Z', '2026-01-01Z', '2026-01-01Z', 'accepted'),
    ('00000000-0000-7000-8000-000000000092', '00000000-0000-7000-8000-00000000000b', 'other', 'trigger', NULL,
     '00000000-0000-7000-8000-0000000000d3', '{"action": "trigger", "git_ref": null, "source_url": null, "services": []}', true, 'token:1',
     'wall', '2026-01-03 10:00Z', 'claimable', '2026-01-03Z', '2026-01-03Z', NULL, NULL);
INSERT INTO idempotency_keys
VALUES ('token:1', 'POST', '/api/v1/applications', 'once', '\x05', '2026-01-01Z', '00000000-0000-7000-8000-000000000091');
UPDATE sync_targets SET write_error_code = 'permission_denied', write_error_message = 'no', write_error_at = '2026-01-01Z'
WHERE application_id IS NULL;
