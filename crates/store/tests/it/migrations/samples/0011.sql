INSERT INTO webhook_inbox VALUES ('main', '\x06', 'deployment', 'app-1', '2026-01-01Z'), ('main', '\x07', NULL, NULL, now());
UPDATE sync_targets SET is_hinted = true WHERE application_id IS NOT NULL;
