UPDATE sync_targets SET is_held_back = true WHERE application_id IS NOT NULL;
