-- What happened, for those who want to be told: written in the transaction in which it happened. `subject` is the license, or
-- the event itself where there is none; `seq` counts the events of a subject, and tells their order. `payload` is what is
-- sent, to the byte. `pending`: nobody has looked yet who wants to be told.
CREATE TABLE events (
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    license_id TEXT COLLATE "C",
    at BIGINT NOT NULL,
    payload TEXT COLLATE "C" NOT NULL,
    pending BOOLEAN NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (id)
);

CREATE INDEX events_by_subject ON events (subject, seq);
CREATE INDEX events_pending ON events (at, seq) WHERE pending;

-- Where the merchant's systems want to be told. `kinds`: JSON list of the events they want; empty: all.
CREATE TABLE webhooks (
    id TEXT COLLATE "C" NOT NULL,
    url TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    kinds TEXT COLLATE "C" NOT NULL,
    enabled BOOLEAN NOT NULL,
    disabled_because TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT webhooks_pkey PRIMARY KEY (id)
);

-- Their secrets, sealed. Several at once while one takes the place of another.
CREATE TABLE webhook_secrets (
    id TEXT COLLATE "C" NOT NULL,
    webhook_id TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    CONSTRAINT webhook_secrets_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_secrets_webhook_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE
);

CREATE INDEX webhook_secrets_by_webhook ON webhook_secrets (webhook_id);

-- An event on its way to one of them. While `state` is `pending`, `next_at` is when it is sent, also by whoever takes over
-- from a server that died while sending; `worker` is the claim that is held. `since`: when its three days began.
CREATE TABLE webhook_deliveries (
    webhook_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    tries BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    since BIGINT NOT NULL,
    ended_at BIGINT,
    worker TEXT COLLATE "C",
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (webhook_id, event_id),
    CONSTRAINT webhook_deliveries_webhook_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_event_fkey FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (webhook_id, subject, seq) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (event_id);

-- What each try came to.
CREATE TABLE webhook_attempts (
    webhook_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    millis BIGINT NOT NULL,
    status BIGINT,
    error TEXT COLLATE "C",
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (webhook_id, event_id, number),
    CONSTRAINT webhook_attempts_delivery_fkey FOREIGN KEY (webhook_id, event_id)
        REFERENCES webhook_deliveries (webhook_id, event_id) ON DELETE CASCADE
);

-- Where the holder of a license reads mail; the address is sealed. `source`: who named it.
CREATE TABLE license_contacts (
    license_id TEXT COLLATE "C" NOT NULL,
    address BYTEA NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT license_contacts_pkey PRIMARY KEY (license_id),
    CONSTRAINT license_contacts_license_fkey FOREIGN KEY (license_id) REFERENCES licenses (id)
);

-- Mail on its way. `state`: `pending`, `sending` (from just before the text leaves until the answer is there), `sent`,
-- `failed`, `unknown` (the answer never came: it is not sent again).
CREATE TABLE mails (
    id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    license_id TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL,
    tries BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    worker TEXT COLLATE "C",
    error TEXT COLLATE "C",
    CONSTRAINT mails_pkey PRIMARY KEY (id),
    CONSTRAINT mails_event_key UNIQUE (event_id, kind)
);

CREATE INDEX mails_due ON mails (next_at) WHERE state IN ('pending', 'sending');

-- Which ends of licenses were announced: so many days before (0: it is over).
CREATE TABLE expiry_notices (
    license_id TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    days BIGINT NOT NULL,
    CONSTRAINT expiry_notices_pkey PRIMARY KEY (license_id, expires_at, days),
    CONSTRAINT expiry_notices_license_fkey FOREIGN KEY (license_id) REFERENCES licenses (id)
);
