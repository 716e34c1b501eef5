-- What is settled is forgotten once nobody can ask for it any more; this finds it. Where the source of a deployment came from
-- stays: it may be deployed again.

CREATE INDEX intents_to_forget ON intents (created_at)
    WHERE state = 'settled' AND (deployment_id IS NULL OR request ->> 'source_url' IS NULL);
