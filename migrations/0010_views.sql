-- The public JSON of deployments follows from more than their rows: from what the account's provider can do, and from how this
-- release writes it. When that changes, what is stored is written again.

ALTER TABLE applications
    -- What the JSON of its deployments was last written by. No public field.
    ADD COLUMN view_hash text;

-- What is in force for each account: that of the process that started last. Others stand back, so that two releases never
-- overwrite each other in turn.
CREATE TABLE views_in_force (
    account text PRIMARY KEY,
    hash text NOT NULL,
    announced_at timestamptz NOT NULL
);
