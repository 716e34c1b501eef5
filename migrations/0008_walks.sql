-- Walks over all deployments have an index that only they use. For a prepared statement PostgreSQL plans for an average value:
-- with an index on the plain column it would rather walk over everything than look a value up, and for a value that hardly
-- occurs, or not at all, that is all of history.

DROP INDEX deployments_by_creation;
DROP INDEX deployments_by_finish;
CREATE INDEX deployments_by_creation ON deployments ((created_at AT TIME ZONE 'UTC') DESC, id DESC);
CREATE INDEX deployments_by_finish ON deployments ((finished_at AT TIME ZONE 'UTC') DESC, id DESC)
    WHERE finished_at IS NOT NULL;

-- A status alone, by the same trick: beside an account or the like the index over both is the one to use.
DROP INDEX deployments_by_status;
CREATE INDEX deployments_by_status ON deployments (status COLLATE "C", created_at DESC, id DESC);
