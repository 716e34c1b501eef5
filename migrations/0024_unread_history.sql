-- Each second every process looks whose history is still to be read. That costs what is left of it, not what there is.
CREATE INDEX sync_targets_unread ON sync_targets (account) WHERE application_id IS NOT NULL AND backfill_state <> 'complete';
