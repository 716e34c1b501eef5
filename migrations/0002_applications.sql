-- Applications as the providers tell them, with the newest and the live deployment kept on the row, so that no read has to
-- look for them in history.

CREATE TABLE applications (
    id uuid PRIMARY KEY,
    provider text NOT NULL,
    account text NOT NULL,
    provider_application_id text NOT NULL,
    name text NOT NULL,
    environment text,
    region text,
    url text,
    provider_url text,
    git_repository text,
    git_branch text,
    provider_status text,
    health text,
    owner text,
    provider_created_at timestamptz,
    last_deployment_id uuid,
    live_deployment_id uuid,
    first_seen_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    archived_at timestamptz,
    version bigint NOT NULL,
    UNIQUE (account, provider_application_id)
);

CREATE INDEX applications_by_name ON applications (name, id);
CREATE INDEX applications_by_account_and_name ON applications (account, name, id);
