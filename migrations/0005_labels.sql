-- Environment, owner and labels that configured rules give to applications whose provider has none, and what they become on
-- deployments. What the provider itself says is kept beside, so that a changed rule set can be applied again.

ALTER TABLE applications
    ADD COLUMN provider_environment text,
    ADD COLUMN provider_owner text,
    ADD COLUMN labels jsonb NOT NULL DEFAULT '{}',
    -- Of the rules that were last applied. No public field.
    ADD COLUMN rules_hash text;

UPDATE applications SET provider_environment = environment, provider_owner = owner;

ALTER TABLE deployments
    ADD COLUMN labels jsonb NOT NULL DEFAULT '{}',
    -- The application's name when the row was last written, for the search. No public field.
    ADD COLUMN application_name text NOT NULL DEFAULT '';

UPDATE deployments SET application_name = application.name
FROM applications AS application WHERE application.id = deployments.application_id;

-- Which rules are in force: those of the process that started last. Others stand back, so that two releases of the
-- configuration never overwrite each other in turn.
CREATE TABLE label_rules (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    hash text NOT NULL,
    announced_at timestamptz NOT NULL
);

-- Applications whose deployments still carry what they had before: written again from the newest back, up to the mark.
CREATE TABLE restamps (
    application_id uuid PRIMARY KEY REFERENCES applications (id) ON DELETE CASCADE,
    before_created_at timestamptz NOT NULL,
    before_id uuid NOT NULL
);
