UPDATE applications SET view_hash = 'of-some-view' WHERE name = 'shop';
INSERT INTO views_in_force VALUES ('main', 'of-some-view', '2026-01-01Z');
