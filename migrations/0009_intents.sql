-- What callers asked providers to do. An intent is committed before its call, and settled in one transaction with the
-- deployment that it published, its answer and its entry in the audit log: whatever happens in between, it is known how far
-- it came, and the call is made once.

CREATE TABLE intents (
    id uuid PRIMARY KEY,
    application_id uuid NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    account text NOT NULL,
    action text NOT NULL,
    -- What it was asked of; null for a trigger.
    target_deployment_id uuid,
    -- Reserved: a row with this id appears with the settling, never before. Null for a cancel.
    deployment_id uuid,
    -- What to ask the provider.
    request jsonb NOT NULL,
    overrides_freeze boolean NOT NULL,
    -- Who asked, for the audit log.
    principal_id text NOT NULL,
    principal text NOT NULL,
    request_id text,
    client_address text,
    created_at timestamptz NOT NULL,
    -- waiting: not called. calling: a call is or was in flight. claimable: published, and the provider has not named it.
    -- settled: nothing more to do.
    state text NOT NULL CHECK (state IN ('waiting', 'calling', 'claimable', 'settled')),
    -- Whose turn it is, by the database's clock; only the holder of the token calls and settles.
    lease_token uuid,
    lease_expires_at timestamptz,
    -- When the reconciler has to look at it again.
    due_at timestamptz NOT NULL,
    calling_at timestamptz,
    -- The highest number that the provider had given to a deployment of the application, where it gives numbers.
    highest_known_id text,
    settled_at timestamptz,
    -- accepted, refused, unknown or never_sent.
    outcome text,
    -- What the caller is told: the deployment as it was then, or the refusal.
    answer jsonb
);

CREATE INDEX intents_open ON intents (application_id, created_at) WHERE state IN ('calling', 'claimable');
CREATE INDEX intents_due ON intents (due_at) WHERE state <> 'settled';
CREATE INDEX intents_by_deployment ON intents (deployment_id);

-- The same request again, told by the caller's own key.
CREATE TABLE idempotency_keys (
    principal_id text NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    key text NOT NULL,
    -- SHA-256 of the body.
    fingerprint bytea NOT NULL,
    created_at timestamptz NOT NULL,
    intent_id uuid NOT NULL REFERENCES intents (id) ON DELETE CASCADE,
    PRIMARY KEY (principal_id, method, path, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_by_intent ON idempotency_keys (intent_id);

ALTER TABLE sync_targets
    -- Somebody asked for a look since the last one began.
    ADD COLUMN is_requested boolean NOT NULL DEFAULT false,
    -- What the account's credentials turned out not to allow when something was to be written; accounts only.
    ADD COLUMN write_error_code text,
    ADD COLUMN write_error_message text,
    ADD COLUMN write_error_at timestamptz;
