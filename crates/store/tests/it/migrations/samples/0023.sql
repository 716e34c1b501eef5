INSERT INTO account_renames VALUES ('before', 'main', '2026-01-01Z');
