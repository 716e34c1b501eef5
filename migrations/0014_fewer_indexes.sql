-- A provider and an environment are looked for together with the status, of which there are six: where a list asks for none,
-- each of them is a branch of its statement. What both let through together is found by an index over both.

DROP INDEX deployments_by_provider;
DROP INDEX deployments_by_environment;
CREATE INDEX deployments_by_environment_provider_and_status
    ON deployments (environment, provider, status, created_at DESC, id DESC);
