INSERT INTO label_rules (hash, announced_at) VALUES ('of-some-rules', '2026-01-01Z');
INSERT INTO restamps VALUES ('00000000-0000-7000-8000-00000000000a', '2026-01-01Z', '00000000-0000-7000-8000-0000000000d1');
UPDATE applications SET labels = '{"team": "web"}', rules_hash = 'of-some-rules' WHERE name = 'shop';
