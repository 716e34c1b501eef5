-- A ticket that was had with a session ends with it.
ALTER TABLE stream_tickets ADD COLUMN session_hash bytea REFERENCES sessions (secret_hash) ON DELETE CASCADE;
CREATE INDEX stream_tickets_by_session ON stream_tickets (session_hash) WHERE session_hash IS NOT NULL;
