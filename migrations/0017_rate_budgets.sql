-- What of each account's rate limit is used, by which process, and whether its circuit breaker is open. A process takes a slice
-- for several requests at a time, so that few of them cost a look here. Not public state: no version, no event.

CREATE TABLE rate_budgets (
    account text PRIMARY KEY,
    -- `slipway_core::budget::Ledger`; a field that a release does not know is dropped, one that is missing has a default.
    ledger jsonb NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 50);
