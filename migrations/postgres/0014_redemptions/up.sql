-- Codes that the marketplace made (license code 2.0) and somebody entered here. `id` is a keyed hash of the code, and the
-- instance id of its license; the code itself is sealed. `status` is `asked` (written before the marketplace is asked to
-- activate it), `activated`, or `refused` for a `reason`. `next_at` is when it is looked at again: an asker that died is
-- taken over from, an activated code is asked about, a refusal is no longer remembered.
CREATE TABLE redemptions (
    id TEXT NOT NULL,
    channel TEXT NOT NULL,
    status TEXT NOT NULL,
    sealed_code BYTEA NOT NULL,
    reason TEXT,
    tries BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT redemptions_pkey PRIMARY KEY (id)
);

CREATE INDEX redemptions_by_next_at ON redemptions (status, next_at);
