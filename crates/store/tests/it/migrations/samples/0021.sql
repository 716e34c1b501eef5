INSERT INTO retention_horizons VALUES ('history', '2025-01-01Z', 5), ('of a later release', '2025-01-01Z', 1);
