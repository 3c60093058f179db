-- What was used of goods that are paid by use, on its way to the marketplace. `total` and `counted_at` are the record that was
-- made last, written before it is sent: while it is not acknowledged (`tries` above 0) it is sent again as it is. `next_at` is when
-- it is looked at again; without it nothing was counted since.
CREATE TABLE usage_pushes (
    license_id TEXT NOT NULL,
    total INTEGER,
    counted_at INTEGER,
    tries INTEGER NOT NULL,
    next_at INTEGER,
    CONSTRAINT usage_pushes_pkey PRIMARY KEY (license_id),
    CONSTRAINT usage_pushes_license_fkey FOREIGN KEY (license_id) REFERENCES licenses (id)
) STRICT;

CREATE INDEX usage_pushes_by_next_at ON usage_pushes (next_at) WHERE next_at IS NOT NULL;
