-- The event log. Numbers are taken from one counter row, last in the writing transaction, so that they commit in order and
-- without gaps: a reader that follows "seq > cursor" can then never lose an event to a slower transaction with a lower number.
-- With a sequence it would.

CREATE TABLE event_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- Names this log. Changes after a restore, so that positions of the time before are noticed.
    epoch text NOT NULL,
    -- The number of the last event.
    seq bigint NOT NULL
) WITH (fillfactor = 10);

INSERT INTO event_head (epoch, seq) VALUES (substr(replace(gen_random_uuid()::text, '-', ''), 1, 10), 0);

CREATE TABLE events (
    seq bigint PRIMARY KEY,
    type text NOT NULL,
    -- The provider's time of the change.
    occurred_at timestamptz,
    recorded_at timestamptz NOT NULL,
    application_id uuid,
    deployment_id uuid,
    provider text,
    account text,
    environment text,
    status text,
    previous_status text,
    observed_via text,
    reason text,
    trace_id text,
    -- The public JSON of the deployment after the change.
    deployment text
);
