-- What lists filter and sort by. The columns follow from `tracked`, so that no writer can forget one, and are cut, because
-- an entry of an index may have 2,704 bytes at most.

ALTER TABLE deployments
    ADD COLUMN git_sha text COLLATE "C" GENERATED ALWAYS AS (lower(left(tracked #>> '{details,git,sha}', 255))) STORED,
    -- As it was asked for; without that the branch.
    ADD COLUMN git_ref text GENERATED ALWAYS AS
        (left(coalesce(tracked #>> '{details,git,ref}', tracked #>> '{details,git,branch}'), 255)) STORED,
    ADD COLUMN actor text GENERATED ALWAYS AS
        (left(coalesce(tracked #>> '{details,actor,name}', tracked #>> '{details,actor,email}',
                       tracked #>> '{details,actor,id}'), 255)) STORED,
    ADD COLUMN trigger_kind text NOT NULL GENERATED ALWAYS AS
        (left(coalesce(tracked #>> '{details,trigger,kind}', 'unknown'), 255)) STORED,
    ADD COLUMN kind text GENERATED ALWAYS AS (left(tracked #>> '{details,kind}', 255)) STORED,
    -- Words between blanks and ASCII punctuation. Cut, because a word may have 2,046 bytes at most.
    ADD COLUMN search tsvector NOT NULL GENERATED ALWAYS AS (array_to_tsvector(array_remove(regexp_split_to_array(
        lower(left(application_name, 500)
              || ' ' || left(coalesce(tracked #>> '{details,git,ref}', ''), 500)
              || ' ' || left(coalesce(tracked #>> '{details,git,sha}', ''), 500)
              || ' ' || left(coalesce(tracked #>> '{details,git,message}', ''), 500)
              || ' ' || left(coalesce(tracked #>> '{details,actor,name}', ''), 500)),
        E'[\\x01-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7f]+'), ''))) STORED;

-- One column, newest first.
CREATE INDEX deployments_by_sha ON deployments (left(git_sha, 4), created_at DESC, id DESC);
CREATE INDEX deployments_by_ref ON deployments (git_ref, created_at DESC, id DESC);
CREATE INDEX deployments_by_actor ON deployments (actor, created_at DESC, id DESC);
CREATE INDEX deployments_by_trigger ON deployments (trigger_kind, created_at DESC, id DESC);
CREATE INDEX deployments_by_kind ON deployments (kind, created_at DESC, id DESC);
CREATE INDEX deployments_by_liveness ON deployments (is_live, created_at DESC, id DESC);
-- With a status: what a dashboard asks for most, and rare statuses are far apart.
CREATE INDEX deployments_by_application_and_status ON deployments (application_id, status, created_at DESC, id DESC);
CREATE INDEX deployments_by_account_and_status ON deployments (account, status, created_at DESC, id DESC);
CREATE INDEX deployments_by_provider_and_status ON deployments (provider, status, created_at DESC, id DESC);
CREATE INDEX deployments_by_environment_and_status ON deployments (environment, status, created_at DESC, id DESC);
-- By the end.
CREATE INDEX deployments_by_finish ON deployments (finished_at DESC, id DESC) WHERE finished_at IS NOT NULL;
CREATE INDEX deployments_by_application_and_finish ON deployments (application_id, finished_at DESC, id DESC)
    WHERE finished_at IS NOT NULL;
CREATE INDEX deployments_by_search ON deployments USING gin (search);

-- By name; archived applications are hardly ever asked for.
CREATE INDEX applications_by_provider_and_name ON applications (provider, name, id);
CREATE INDEX applications_by_environment_and_name ON applications (environment, name, id);
CREATE INDEX applications_by_owner_and_name ON applications (owner, name, id);
CREATE INDEX applications_by_label ON applications USING gin (labels jsonb_path_ops);
