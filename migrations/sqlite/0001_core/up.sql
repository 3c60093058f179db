-- Times are microseconds since the UNIX epoch; booleans are 0 and 1; ids and enums are text; JSON is text.
-- The names of tables, columns and constraints are those of the PostgreSQL folder.

CREATE TABLE meta (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT meta_pkey PRIMARY KEY (name)
) STRICT;

CREATE TABLE signing_keys (
    kid TEXT NOT NULL,
    product TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('root', 'signing', 'debug')),
    state TEXT NOT NULL CHECK (state IN ('active', 'verify_only', 'revoked')),
    public_key BLOB NOT NULL,
    sealed_seed BLOB,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    CONSTRAINT signing_keys_pkey PRIMARY KEY (kid)
) STRICT;

CREATE INDEX signing_keys_by_product ON signing_keys (product);

CREATE TABLE key_lists (
    product TEXT NOT NULL,
    number INTEGER NOT NULL,
    jws TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT key_lists_pkey PRIMARY KEY (product, number)
) STRICT;

CREATE TABLE catalogs (
    revision INTEGER NOT NULL,
    body TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    CONSTRAINT catalogs_pkey PRIMARY KEY (revision)
) STRICT;

CREATE TABLE licenses (
    id TEXT NOT NULL,
    product TEXT NOT NULL,
    plan TEXT NOT NULL,
    channel TEXT,
    instance_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('active', 'frozen', 'released')),
    released INTEGER NOT NULL CHECK (released IN (0, 1)),
    marketplace_hold INTEGER NOT NULL CHECK (marketplace_hold IN (0, 1)),
    violation INTEGER NOT NULL CHECK (violation IN (0, 1)),
    merchant_hold INTEGER NOT NULL CHECK (merchant_hold IN (0, 1)),
    status_signed_at INTEGER,
    expiry_kind TEXT NOT NULL CHECK (expiry_kind IN ('never', 'estimated', 'confirmed')),
    expires_at INTEGER,
    machines INTEGER NOT NULL,
    features TEXT NOT NULL,
    quantity INTEGER,
    trial INTEGER NOT NULL CHECK (trial IN (0, 1)),
    device TEXT,
    customer_id TEXT,
    customer_name TEXT,
    rev INTEGER NOT NULL,
    key_lookup BLOB NOT NULL,
    key_sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT licenses_pkey PRIMARY KEY (id),
    CONSTRAINT licenses_instance_key UNIQUE (channel, instance_id),
    CONSTRAINT licenses_key_lookup_key UNIQUE (key_lookup)
) STRICT;

CREATE INDEX licenses_by_product_and_id ON licenses (product, id);

CREATE INDEX licenses_by_state_and_id ON licenses (state, id);

CREATE INDEX licenses_by_channel_and_id ON licenses (channel, id);

CREATE INDEX licenses_by_customer_id_and_id ON licenses (customer_id, id);

CREATE INDEX licenses_by_instance_id ON licenses (instance_id);

CREATE INDEX licenses_by_expires_at ON licenses (expires_at);

CREATE TABLE license_codes (
    license_id TEXT NOT NULL REFERENCES licenses (id),
    rev INTEGER NOT NULL,
    kid TEXT NOT NULL,
    payload TEXT NOT NULL,
    sealed_signature BLOB NOT NULL,
    issued_at INTEGER NOT NULL,
    CONSTRAINT license_codes_pkey PRIMARY KEY (license_id, rev)
) STRICT;

CREATE TABLE device_codes (
    id TEXT NOT NULL,
    license_id TEXT NOT NULL REFERENCES licenses (id),
    event_id TEXT NOT NULL,
    fingerprint_digest TEXT NOT NULL,
    kid TEXT NOT NULL,
    payload TEXT NOT NULL,
    sealed_signature BLOB NOT NULL,
    effective_at INTEGER NOT NULL,
    expires_at INTEGER,
    issued_at INTEGER NOT NULL,
    CONSTRAINT device_codes_pkey PRIMARY KEY (id),
    CONSTRAINT device_codes_event_key UNIQUE (license_id, event_id, fingerprint_digest)
) STRICT;

CREATE TABLE orders (
    id TEXT NOT NULL,
    channel TEXT,
    identity TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('purchase', 'renewal', 'refund', 'trial_to_formal', 'upgrade', 'notice', 'manual')),
    order_id TEXT NOT NULL,
    line_id TEXT,
    product_id TEXT,
    sku_code TEXT,
    instance_id TEXT,
    license_id TEXT,
    status TEXT NOT NULL CHECK (status IN ('fulfilled', 'waiting', 'refused', 'flagged')),
    quantity INTEGER,
    details TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_identity_key UNIQUE (channel, identity)
) STRICT;

CREATE INDEX orders_by_order_id ON orders (order_id);

CREATE INDEX orders_by_license_id ON orders (license_id);

CREATE INDEX orders_by_status_and_id ON orders (status, id);

CREATE INDEX orders_by_instance_id ON orders (instance_id);

CREATE TABLE deferred_events (
    id TEXT NOT NULL,
    channel TEXT NOT NULL,
    subject TEXT NOT NULL,
    event TEXT NOT NULL,
    signed_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    CONSTRAINT deferred_events_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX deferred_events_by_channel_and_subject_and_received_at ON deferred_events (channel, subject, received_at);

CREATE TABLE nonces (
    channel TEXT NOT NULL,
    nonce TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT nonces_pkey PRIMARY KEY (channel, nonce)
) STRICT;

CREATE INDEX nonces_by_expires_at ON nonces (expires_at);

CREATE TABLE messages (
    id TEXT NOT NULL,
    channel TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    transport TEXT NOT NULL,
    activity TEXT,
    order_id TEXT,
    instance_id TEXT,
    license_id TEXT,
    debug INTEGER NOT NULL CHECK (debug IN (0, 1)),
    result_code TEXT NOT NULL,
    result_msg TEXT NOT NULL,
    change TEXT,
    duration_us INTEGER NOT NULL,
    request TEXT NOT NULL,
    CONSTRAINT messages_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX messages_by_received_at ON messages (received_at);

CREATE INDEX messages_by_channel_and_id ON messages (channel, id);

CREATE INDEX messages_by_order_id ON messages (order_id);

CREATE INDEX messages_by_license_id ON messages (license_id);

CREATE INDEX messages_by_result_code_and_id ON messages (result_code, id);

CREATE TABLE alerts (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    channel TEXT,
    license_id TEXT,
    order_id TEXT,
    detail TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    resolved_at INTEGER,
    resolved_by TEXT,
    dedupe TEXT NOT NULL,
    CONSTRAINT alerts_pkey PRIMARY KEY (id),
    CONSTRAINT alerts_dedupe_key UNIQUE (dedupe)
) STRICT;

CREATE INDEX alerts_by_resolved_at_and_id ON alerts (resolved_at, id);

CREATE TABLE history (
    id TEXT NOT NULL,
    license_id TEXT NOT NULL REFERENCES licenses (id),
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL,
    detail TEXT NOT NULL,
    CONSTRAINT history_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX history_by_license_id_and_id ON history (license_id, id);

CREATE TABLE tokens (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    hash BLOB NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at INTEGER,
    revoked_at INTEGER,
    CONSTRAINT tokens_pkey PRIMARY KEY (id),
    CONSTRAINT tokens_hash_key UNIQUE (hash)
) STRICT;

CREATE TABLE idempotency_keys (
    token_id TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    status INTEGER NOT NULL,
    content_type TEXT,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (token_id, key)
) STRICT;

CREATE INDEX idempotency_keys_by_created_at ON idempotency_keys (created_at);

-- What on-demand goods were used, in ten-thousandths of the unit sold.
CREATE TABLE usage_counters (
    license_id TEXT NOT NULL,
    meter TEXT NOT NULL,
    total INTEGER NOT NULL,
    counted_at INTEGER NOT NULL,
    CONSTRAINT usage_counters_pkey PRIMARY KEY (license_id, meter),
    CONSTRAINT usage_counters_license_fkey FOREIGN KEY (license_id) REFERENCES licenses (id)
) STRICT;
