INSERT INTO tokens (id, name, secret_hash, prefix, scopes, providers, accounts, applications, environments, created_at,
                    created_by, expires_at, last_used_at, revoked_at)
VALUES
    ('00000000-0000-7000-8000-000000000071', 'wall', '\x01', 'slw_abc', '{deployments:read}', '{}', '{main}',
     '{00000000-0000-7000-8000-00000000000a}', '{production}', '2026-01-01Z', 'cli', '2027-01-01Z', '2026-01-02Z', NULL),
    ('00000000-0000-7000-8000-000000000072', 'old', '\x02', 'slw_def', '{admin}', '{}', '{}', '{}', '{}', '2026-01-01Z', 'cli',
     NULL, NULL, '2026-01-02Z');
INSERT INTO sessions VALUES
    ('\x03', '{"kind": "token", "id": "00000000-0000-7000-8000-000000000071"}', '2026-01-01Z', '2036-01-01Z');
INSERT INTO stream_tickets (id, secret_hash, principal, created_at, expires_at)
VALUES ('00000000-0000-7000-8000-000000000073', '\x04', '{"kind": "open"}', '2026-01-01Z', '2036-01-01Z');
INSERT INTO audit_log
VALUES ('00000000-0000-7000-8000-000000000074', '2026-01-01Z', 'token:1', 'wall', 'deployment.trigger', NULL, 'accepted', NULL,
        NULL, '{}');
