-- The key by which a product's door for existing software signs. Pinned by that software, so it never changes by itself.
CREATE TABLE door_keys (
    product TEXT NOT NULL,
    public_key BLOB NOT NULL,
    sealed_seed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT door_keys_pkey PRIMARY KEY (product)
) STRICT;

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
    cores INTEGER,
    memory INTEGER,
    disk INTEGER,
    metadata TEXT NOT NULL,
    components TEXT NOT NULL,
    last_heartbeat_at INTEGER,
    heartbeat_reset INTEGER NOT NULL CHECK (heartbeat_reset IN (0, 1)),
    last_check_out_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT keygen_machines_pkey PRIMARY KEY (activation_id),
    CONSTRAINT keygen_machines_fingerprint_key UNIQUE (license_id, fingerprint)
) STRICT;

CREATE INDEX keygen_machines_by_fingerprint ON keygen_machines (fingerprint);
