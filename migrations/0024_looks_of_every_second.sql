-- Every process looks again and again whose history is still to be read, and which applications were last written by other
-- rules or another release. That costs what is left to do, not what there is.
CREATE INDEX sync_targets_unread ON sync_targets (account) WHERE application_id IS NOT NULL AND backfill_state <> 'complete';
CREATE INDEX applications_by_rules ON applications (rules_hash);
CREATE INDEX applications_by_view ON applications (account, view_hash);
