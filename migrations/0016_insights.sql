-- What the insights count, so that they read one narrow index and not the deployments themselves. The columns follow from
-- what is stored, so that no writer can forget one.

-- Immutable in truth: what the gateway stores is RFC 3339 with an offset, which no setting reads in another way. A year
-- that PostgreSQL does not have gives no time instead of an error. PL/pgSQL, because a function in SQL takes twice as long.
CREATE FUNCTION slipway_instant(value text) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE WHEN value ~ '^[0-9]{4}-' AND value !~ '^0000' THEN value::timestamptz END;
END $$;

ALTER TABLE deployments
    -- As the public JSON has it. What would be negative is not known.
    ADD COLUMN duration_ms bigint GENERATED ALWAYS AS (
        CASE WHEN finished_at IS NOT NULL AND tracked #>> '{details,started_at}' IS NOT NULL THEN
            nullif(greatest(trunc(extract(epoch FROM
                finished_at - slipway_instant(tracked #>> '{details,started_at}')) * 1000)::bigint, -1), -1)
        WHEN is_finished THEN (tracked #>> '{details,duration_ms}')::bigint END) STORED,
    -- From the commit to the end. A rollback brings an old commit back, which says nothing about how long one takes.
    ADD COLUMN lead_time_ms bigint GENERATED ALWAYS AS (
        CASE WHEN rollback_of_id IS NULL AND finished_at IS NOT NULL THEN
            nullif(greatest(trunc(extract(epoch FROM
                finished_at - slipway_instant(tracked #>> '{details,git,committed_at}')) * 1000)::bigint, -1), -1)
        END) STORED;

-- The same key as before; what is counted lies beside it.
DROP INDEX deployments_by_creation;
CREATE INDEX deployments_by_creation ON deployments ((created_at AT TIME ZONE 'UTC') DESC, id DESC)
    INCLUDE (created_at, application_id, status, is_finished, duration_ms, lead_time_ms, rollback_of_id);
