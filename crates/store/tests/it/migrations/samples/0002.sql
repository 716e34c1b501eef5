-- One that has everything, and one that has nothing and is archived.
INSERT INTO applications (id, provider, account, provider_application_id, name, environment, region, url, provider_url,
                          git_repository, git_branch, provider_status, health, owner, provider_created_at, last_deployment_id,
                          live_deployment_id, first_seen_at, updated_at, archived_at, version)
VALUES
    ('00000000-0000-7000-8000-00000000000a', 'scalingo', 'main', 'app-1', 'shop', 'production', 'osc-fr1',
     'https://shop.example.com', 'https://dashboard.example.com/shop', 'https://git.example.com/shop', 'main', 'running', 'good',
     'somebody', '2025-01-01Z', '00000000-0000-7000-8000-0000000000d2', '00000000-0000-7000-8000-0000000000d1',
     '2026-01-01 10:00Z', '2026-01-01 10:00Z', NULL, 3),
    ('00000000-0000-7000-8000-00000000000b', 'cloud66', 'other', '4711', 'käse 🧀', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, '2026-01-01 10:00Z', '2026-01-02 10:00Z', '2026-01-02 10:00Z', 2);
