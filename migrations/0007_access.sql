-- Who may call the API, and what was done with it. Of secrets only hashes are kept.

CREATE TABLE tokens (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    -- SHA-256 of the secret, which has 256 random bits: nothing slower is needed.
    secret_hash bytea NOT NULL UNIQUE,
    -- How the secret begins, so that people recognize it.
    prefix text NOT NULL,
    scopes text[] NOT NULL,
    -- What the token is restricted to. An empty list restricts nothing; lists add up.
    providers text[] NOT NULL,
    accounts text[] NOT NULL,
    applications uuid[] NOT NULL,
    environments text[] NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    expires_at timestamptz,
    -- Written once a minute at most.
    last_used_at timestamptz,
    revoked_at timestamptz
);

CREATE INDEX tokens_by_creation ON tokens (created_at DESC, id DESC);

-- Sessions of browsers. `principal` says whose they are; what that one may do is looked up each time.
CREATE TABLE sessions (
    secret_hash bytea PRIMARY KEY,
    principal jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Tickets with which a browser opens a stream whose request it cannot give a header.
CREATE TABLE stream_tickets (
    id uuid PRIMARY KEY,
    secret_hash bytea NOT NULL UNIQUE,
    principal jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- The connection that uses it. A new one takes its place.
    connection_id uuid,
    -- When a connection was last there; null before the first.
    last_seen_at timestamptz
);

CREATE INDEX stream_tickets_by_end ON stream_tickets (expires_at);

-- What was done, by whom, and what came of it. Only ever grows.
CREATE TABLE audit_log (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    principal_id text NOT NULL,
    principal text NOT NULL,
    action text NOT NULL,
    target text,
    outcome text NOT NULL,
    request_id text,
    client_address text,
    -- What else is worth knowing. Never a secret.
    detail jsonb NOT NULL
);

CREATE INDEX audit_log_by_time ON audit_log (at DESC, id DESC);

CREATE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log only grows';
END
$$;

CREATE TRIGGER audit_log_only_grows BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit_log();

CREATE TRIGGER audit_log_is_not_emptied BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_log();
