-- What retention removed. Before `removed_before` what is there may be only a part of what there was; whoever reads has to
-- know. A kind without a row was never removed.

CREATE TABLE retention_horizons (
    -- `history`, `payloads`, `events`, `logs`.
    kind text PRIMARY KEY,
    -- Only ever moves on.
    removed_before timestamptz NOT NULL,
    -- Rows, for whoever watches.
    removed_count bigint NOT NULL DEFAULT 0
);
