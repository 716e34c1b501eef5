-- What there is to sync: one row for each account (its list of applications) and one for each application (its deployments).
-- A row is leased by one process at a time; expiry is by database time, and the token fences off a late write. How far the
-- rows can be trusted is kept here too: it moves with every poll and is no part of any version.

CREATE TABLE sync_targets (
    id uuid PRIMARY KEY,
    account text NOT NULL,
    provider text NOT NULL,
    -- Null: the account itself.
    application_id uuid UNIQUE REFERENCES applications (id) ON DELETE CASCADE,
    next_poll_at timestamptz NOT NULL,
    -- The polling interval in force.
    interval_ms bigint NOT NULL,
    lease_token uuid,
    lease_holder text,
    lease_expires_at timestamptz,
    failure_count integer NOT NULL DEFAULT 0,
    last_attempt_at timestamptz,
    last_success_at timestamptz,
    -- A short code and a sentence, while the last attempt failed.
    error_code text,
    error_message text,
    mode text NOT NULL DEFAULT 'poll',
    -- Freshness as it was last announced by an event; accounts only.
    announced_state text,
    backfill_state text NOT NULL DEFAULT 'pending',
    backfill_page text,
    backfill_oldest_at timestamptz,
    -- The provider's mark of activity when the deployments were last read, and what an account's list said since.
    read_activity text,
    listed_activity text,
    -- The walk over the account's list in which the application was last seen, and how many complete walks missed it.
    missed_walks integer NOT NULL DEFAULT 0
);

CREATE UNIQUE INDEX sync_targets_of_accounts ON sync_targets (account) WHERE application_id IS NULL;
CREATE INDEX sync_targets_due ON sync_targets (next_poll_at);
CREATE INDEX sync_targets_by_account ON sync_targets (account);
