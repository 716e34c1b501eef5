-- Names that accounts had before. A process that still has such a name in its configuration, as an old replica has for a
-- while, must not begin a second history under it.

CREATE TABLE account_renames (
    former text PRIMARY KEY,
    name text NOT NULL,
    renamed_at timestamptz NOT NULL
);
