-- Lists of applications and the board by name, with every filter: archived applications, which only grow in number, are in
-- nobody's way, and who asks for them reads nothing else. An environment is looked for together with an account or a provider:
-- one account may have ten thousand applications, and three of them an environment.
--
-- As in 0008, what walks over all of them has a form that no other list has; and so has an environment beside a provider. For
-- an average value PostgreSQL would rather walk over everything, or over one of the two, and a value that hardly occurs is all.

DROP INDEX applications_by_name;
DROP INDEX applications_by_account_and_name;
DROP INDEX applications_by_provider_and_name;
DROP INDEX applications_by_environment_and_name;
DROP INDEX applications_by_owner_and_name;
CREATE INDEX applications_by_name ON applications ((name || ''), id) WHERE archived_at IS NULL;
CREATE INDEX applications_archived_by_name ON applications ((name || ''), id) WHERE archived_at IS NOT NULL;
CREATE INDEX applications_by_account_and_name ON applications (account, name, id) WHERE archived_at IS NULL;
CREATE INDEX applications_by_provider_and_name ON applications (provider, name, id) WHERE archived_at IS NULL;
CREATE INDEX applications_by_environment_and_name ON applications (environment, name, id) WHERE archived_at IS NULL;
CREATE INDEX applications_by_owner_and_name ON applications (owner, name, id) WHERE archived_at IS NULL;
CREATE INDEX applications_by_account_environment_and_name ON applications (account, environment, name, id)
    WHERE archived_at IS NULL;
CREATE INDEX applications_by_provider_environment_and_name ON applications (provider, (environment || ''), name, id)
    WHERE archived_at IS NULL;
-- Which applications a token sees, archived or not.
CREATE INDEX applications_by_environment ON applications (environment);

-- How often each environment is there, told for the form of above, too: an index for only some of the rows tells nothing.
CREATE STATISTICS applications_environments ON (environment || '') FROM applications;
ANALYZE applications;
