-- no-transaction
-- Finds the raw payloads that are older than what is kept. Alone in its file, because only so can it be built while others
-- write.
CREATE INDEX CONCURRENTLY IF NOT EXISTS deployment_payloads_by_age ON deployment_payloads (recorded_at);
