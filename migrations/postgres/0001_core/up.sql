-- Times are microseconds since the UNIX epoch; ids and enums are text; JSON is text.
-- Keys collate as bytes, so that both databases sort and compare alike.

CREATE TABLE meta (
    name TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT meta_pkey PRIMARY KEY (name)
);

CREATE TABLE signing_keys (
    kid TEXT COLLATE "C" NOT NULL,
    product TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL CHECK (role IN ('root', 'signing', 'debug')),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'verify_only', 'revoked')),
    public_key BYTEA NOT NULL,
    sealed_seed BYTEA,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    CONSTRAINT signing_keys_pkey PRIMARY KEY (kid)
);

CREATE INDEX signing_keys_by_product ON signing_keys (product);

CREATE TABLE key_lists (
    product TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    jws TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT key_lists_pkey PRIMARY KEY (product, number)
);

CREATE TABLE catalogs (
    revision BIGINT NOT NULL,
    body TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    CONSTRAINT catalogs_pkey PRIMARY KEY (revision)
);

CREATE TABLE licenses (
    id TEXT COLLATE "C" NOT NULL,
    product TEXT COLLATE "C" NOT NULL,
    plan TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C",
    instance_id TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'frozen', 'released')),
    released BOOLEAN NOT NULL,
    marketplace_hold BOOLEAN NOT NULL,
    violation BOOLEAN NOT NULL,
    merchant_hold BOOLEAN NOT NULL,
    status_signed_at BIGINT,
    expiry_kind TEXT COLLATE "C" NOT NULL CHECK (expiry_kind IN ('never', 'estimated', 'confirmed')),
    expires_at BIGINT,
    machines BIGINT NOT NULL,
    features TEXT NOT NULL,
    quantity BIGINT,
    trial BOOLEAN NOT NULL,
    device TEXT COLLATE "C",
    customer_id TEXT COLLATE "C",
    customer_name TEXT,
    rev BIGINT NOT NULL,
    key_lookup BYTEA NOT NULL,
    key_sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT licenses_pkey PRIMARY KEY (id),
    CONSTRAINT licenses_instance_key UNIQUE (channel, instance_id),
    CONSTRAINT licenses_key_lookup_key UNIQUE (key_lookup)
);

CREATE INDEX licenses_by_product_and_id ON licenses (product, id);

CREATE INDEX licenses_by_state_and_id ON licenses (state, id);

CREATE INDEX licenses_by_channel_and_id ON licenses (channel, id);

CREATE INDEX licenses_by_customer_id_and_id ON licenses (customer_id, id);

CREATE INDEX licenses_by_instance_id ON licenses (instance_id);

CREATE INDEX licenses_by_expires_at ON licenses (expires_at);

CREATE TABLE license_codes (
    license_id TEXT COLLATE "C" NOT NULL REFERENCES licenses (id),
    rev BIGINT NOT NULL,
    kid TEXT COLLATE "C" NOT NULL,
    payload TEXT NOT NULL,
    sealed_signature BYTEA NOT NULL,
    issued_at BIGINT NOT NULL,
    CONSTRAINT license_codes_pkey PRIMARY KEY (license_id, rev)
);

CREATE TABLE device_codes (
    id TEXT COLLATE "C" NOT NULL,
    license_id TEXT COLLATE "C" NOT NULL REFERENCES licenses (id),
    event_id TEXT COLLATE "C" NOT NULL,
    fingerprint_digest TEXT COLLATE "C" NOT NULL,
    kid TEXT COLLATE "C" NOT NULL,
    payload TEXT NOT NULL,
    sealed_signature BYTEA NOT NULL,
    effective_at BIGINT NOT NULL,
    expires_at BIGINT,
    issued_at BIGINT NOT NULL,
    CONSTRAINT device_codes_pkey PRIMARY KEY (id),
    CONSTRAINT device_codes_event_key UNIQUE (license_id, event_id, fingerprint_digest)
);

CREATE TABLE orders (
    id TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C",
    identity TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('purchase', 'renewal', 'refund', 'trial_to_formal', 'upgrade', 'notice', 'manual')),
    order_id TEXT COLLATE "C" NOT NULL,
    line_id TEXT COLLATE "C",
    product_id TEXT COLLATE "C",
    sku_code TEXT COLLATE "C",
    instance_id TEXT COLLATE "C",
    license_id TEXT COLLATE "C",
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('fulfilled', 'waiting', 'refused', 'flagged')),
    quantity BIGINT,
    details TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_identity_key UNIQUE (channel, identity)
);

CREATE INDEX orders_by_order_id ON orders (order_id);

CREATE INDEX orders_by_license_id ON orders (license_id);

CREATE INDEX orders_by_status_and_id ON orders (status, id);

CREATE INDEX orders_by_instance_id ON orders (instance_id);

CREATE TABLE deferred_events (
    id TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    signed_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    CONSTRAINT deferred_events_pkey PRIMARY KEY (id)
);

CREATE INDEX deferred_events_by_channel_and_subject_and_received_at ON deferred_events (channel, subject, received_at);

CREATE TABLE nonces (
    channel TEXT COLLATE "C" NOT NULL,
    nonce TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT nonces_pkey PRIMARY KEY (channel, nonce)
);

CREATE INDEX nonces_by_expires_at ON nonces (expires_at);

CREATE TABLE messages (
    id TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    transport TEXT COLLATE "C" NOT NULL,
    activity TEXT COLLATE "C",
    order_id TEXT COLLATE "C",
    instance_id TEXT COLLATE "C",
    license_id TEXT COLLATE "C",
    debug BOOLEAN NOT NULL,
    result_code TEXT COLLATE "C" NOT NULL,
    result_msg TEXT NOT NULL,
    change TEXT COLLATE "C",
    duration_us BIGINT NOT NULL,
    request TEXT NOT NULL,
    CONSTRAINT messages_pkey PRIMARY KEY (id)
);

CREATE INDEX messages_by_received_at ON messages (received_at);

CREATE INDEX messages_by_channel_and_id ON messages (channel, id);

CREATE INDEX messages_by_order_id ON messages (order_id);

CREATE INDEX messages_by_license_id ON messages (license_id);

CREATE INDEX messages_by_result_code_and_id ON messages (result_code, id);

CREATE TABLE alerts (
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C",
    license_id TEXT COLLATE "C",
    order_id TEXT COLLATE "C",
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    resolved_at BIGINT,
    resolved_by TEXT COLLATE "C",
    dedupe TEXT COLLATE "C" NOT NULL,
    CONSTRAINT alerts_pkey PRIMARY KEY (id),
    CONSTRAINT alerts_dedupe_key UNIQUE (dedupe)
);

CREATE INDEX alerts_by_resolved_at_and_id ON alerts (resolved_at, id);

CREATE TABLE history (
    id TEXT COLLATE "C" NOT NULL,
    license_id TEXT COLLATE "C" NOT NULL REFERENCES licenses (id),
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    detail TEXT NOT NULL,
    CONSTRAINT history_pkey PRIMARY KEY (id)
);

CREATE INDEX history_by_license_id_and_id ON history (license_id, id);

CREATE TABLE tokens (
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT,
    revoked_at BIGINT,
    CONSTRAINT tokens_pkey PRIMARY KEY (id),
    CONSTRAINT tokens_hash_key UNIQUE (hash)
);

CREATE TABLE idempotency_keys (
    token_id TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    request_hash BYTEA NOT NULL,
    status BIGINT NOT NULL,
    content_type TEXT COLLATE "C",
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (token_id, key)
);

CREATE INDEX idempotency_keys_by_created_at ON idempotency_keys (created_at);

-- What on-demand goods were used, in ten-thousandths of the unit sold.
CREATE TABLE usage_counters (
    license_id TEXT COLLATE "C" NOT NULL,
    meter TEXT COLLATE "C" NOT NULL,
    total BIGINT NOT NULL,
    counted_at BIGINT NOT NULL,
    CONSTRAINT usage_counters_pkey PRIMARY KEY (license_id, meter),
    CONSTRAINT usage_counters_license_fkey FOREIGN KEY (license_id) REFERENCES licenses (id)
);
