-- Logs of deployments: masked, in chunks of whole lines. While a deployment runs its chunks are as the lines came; when the
-- final text is there, compressed blocks take their place. One row says how far a log is and when it is to be fetched.

ALTER TABLE deployments ADD COLUMN log_state text NOT NULL DEFAULT 'open';

CREATE TABLE deployment_logs (
    deployment_id uuid PRIMARY KEY REFERENCES deployments (id) ON DELETE CASCADE,
    application_id uuid NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    account text NOT NULL,
    -- Names this text: raised when it is replaced by one that does not go on where it ended.
    epoch bigint NOT NULL DEFAULT 1,
    line_count bigint NOT NULL DEFAULT 0,
    byte_count bigint NOT NULL DEFAULT 0,
    -- `open`, `complete`, `missing`.
    state text NOT NULL DEFAULT 'open',
    -- When the text was last written: what retention goes by.
    written_at timestamptz NOT NULL,
    -- When the provider is asked for the final text; null for not at all.
    fetch_at timestamptz,
    -- Somebody waits for it.
    is_wanted boolean NOT NULL DEFAULT false,
    fetch_attempts integer NOT NULL DEFAULT 0,
    -- Why the last attempt failed, as a short code.
    fetch_error text,
    lease_token uuid,
    lease_expires_at timestamptz
);

CREATE INDEX deployment_logs_to_fetch ON deployment_logs (fetch_at) WHERE fetch_at IS NOT NULL;
CREATE INDEX deployment_logs_by_age ON deployment_logs (written_at) WHERE line_count > 0;

CREATE TABLE deployment_log_chunks (
    deployment_id uuid NOT NULL REFERENCES deployment_logs (deployment_id) ON DELETE CASCADE,
    -- Lines are counted from 1, bytes from 0; both of the text before compression.
    first_line bigint NOT NULL,
    line_count bigint NOT NULL,
    first_byte bigint NOT NULL,
    byte_count bigint NOT NULL,
    is_compressed boolean NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (deployment_id, first_line)
);

-- What is compressed is not compressed again.
ALTER TABLE deployment_log_chunks ALTER COLUMN content SET STORAGE EXTERNAL;
