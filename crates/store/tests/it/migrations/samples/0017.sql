INSERT INTO rate_budgets VALUES ('main', '{}', '2026-01-01Z');
