-- Webhooks of providers: hints where to look, never facts. Kept for a week, so that one that comes twice costs one look. What
-- they say is not kept: it proves nothing, and some payloads hold secrets.

CREATE TABLE webhook_inbox (
    account text NOT NULL,
    -- SHA-256 of what is the same when the provider sends the same thing again: its own delivery id, else the body.
    delivery_hash bytea NOT NULL,
    event_type text,
    provider_application_id text,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, delivery_hash)
);

CREATE INDEX webhook_inbox_by_age ON webhook_inbox (received_at);

-- Why a target is due: the read that a hint asked for tells so.
ALTER TABLE sync_targets ADD COLUMN is_hinted boolean NOT NULL DEFAULT false;
