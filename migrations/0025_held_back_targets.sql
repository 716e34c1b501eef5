-- Whether the last attempt found nothing left in the account's budget. Such a target has its place in a queue, and is not called
-- out of it by every walk over the account's list that still names it.
ALTER TABLE sync_targets ADD COLUMN is_held_back boolean NOT NULL DEFAULT false;
