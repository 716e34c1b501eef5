-- Deployments. What queries filter or sort by has a column of its own; `tracked` is the memory of the state machine, and
-- `body` the public JSON, made when the row is written. Raw payloads live apart, so that lists never read them.

CREATE TABLE deployments (
    id uuid PRIMARY KEY,
    application_id uuid NOT NULL REFERENCES applications (id),
    provider text NOT NULL,
    account text NOT NULL,
    environment text,
    -- Null only for one that was asked for through the gateway and that the provider has not named yet.
    provider_deployment_id text,
    status text NOT NULL,
    is_finished boolean NOT NULL,
    is_live boolean,
    is_latest boolean NOT NULL,
    superseded_by_id uuid,
    rollback_of_id uuid,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    first_seen_at timestamptz NOT NULL,
    observed_at timestamptz NOT NULL,
    observed_via text NOT NULL,
    updated_at timestamptz NOT NULL,
    version bigint NOT NULL,
    tracked jsonb NOT NULL,
    body text NOT NULL,
    UNIQUE (application_id, provider_deployment_id)
);

CREATE INDEX deployments_by_creation ON deployments (created_at DESC, id DESC);
CREATE INDEX deployments_by_application ON deployments (application_id, created_at DESC, id DESC);
CREATE INDEX deployments_by_account ON deployments (account, created_at DESC, id DESC);
CREATE INDEX deployments_by_provider ON deployments (provider, created_at DESC, id DESC);
CREATE INDEX deployments_by_status ON deployments (status, created_at DESC, id DESC);
CREATE INDEX deployments_by_environment ON deployments (environment, created_at DESC, id DESC);
CREATE INDEX deployments_unfinished ON deployments (application_id) WHERE NOT is_finished;

-- The state of a deployment over time, one row for each version that changed it.
CREATE TABLE transitions (
    deployment_id uuid NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    version bigint NOT NULL,
    status text NOT NULL,
    previous_status text,
    phase text,
    provider_status text,
    failure_reason text,
    occurred_at timestamptz,
    recorded_at timestamptz NOT NULL,
    observed_via text NOT NULL,
    is_correction boolean NOT NULL,
    PRIMARY KEY (deployment_id, version)
);

-- The last whole payload, its secret fields removed.
CREATE TABLE deployment_payloads (
    deployment_id uuid PRIMARY KEY REFERENCES deployments (id) ON DELETE CASCADE,
    payload jsonb NOT NULL,
    recorded_at timestamptz NOT NULL
);

-- Native statuses that no mapping covers, counted so that somebody can add one.
CREATE TABLE unmapped_statuses (
    provider text NOT NULL,
    provider_status text NOT NULL,
    seen_count bigint NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (provider, provider_status)
);
