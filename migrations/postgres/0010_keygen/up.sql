-- The key by which a product's door for existing software signs. Pinned by that software, so it never changes by itself.
CREATE TABLE door_keys (
    product TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    sealed_seed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT door_keys_pkey PRIMARY KEY (product)
);

-- A token with a product is for that product's door and for nothing else.
ALTER TABLE tokens ADD COLUMN product TEXT;

-- What a machine said of itself at such a door; its seat is the activation.
CREATE TABLE keygen_machines (
    activation_id TEXT NOT NULL REFERENCES activations (id),
    license_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    name TEXT,
    hostname TEXT,
    platform TEXT,
    ip TEXT,
    cores BIGINT,
    memory BIGINT,
    disk BIGINT,
    metadata TEXT NOT NULL,
    components TEXT NOT NULL,
    last_heartbeat_at BIGINT,
    heartbeat_reset BOOLEAN NOT NULL,
    last_check_out_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT keygen_machines_pkey PRIMARY KEY (activation_id),
    CONSTRAINT keygen_machines_fingerprint_key UNIQUE (license_id, fingerprint)
);

CREATE INDEX keygen_machines_by_fingerprint ON keygen_machines (fingerprint);
