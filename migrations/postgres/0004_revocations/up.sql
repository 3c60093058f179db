-- What no longer holds although its signature does, numbered per product: a license (all of it, or revisions of its
-- code, as JSON), or a key. Nothing is ever taken out again.
CREATE TABLE revocations (
    product TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    license_id TEXT COLLATE "C" REFERENCES licenses (id),
    revs TEXT,
    kid TEXT COLLATE "C",
    reason TEXT COLLATE "C" NOT NULL CHECK (reason IN ('released', 'grants_more', 'key_revoked')),
    created_at BIGINT NOT NULL,
    CONSTRAINT revocations_pkey PRIMARY KEY (product, number),
    CONSTRAINT revocations_subject CHECK ((license_id IS NULL) <> (kid IS NULL) AND (revs IS NULL OR kid IS NULL))
);

CREATE INDEX revocations_by_license_id ON revocations (license_id);
