-- What happened, for those who want to be told: written in the transaction in which it happened. `subject` is the license, or
-- the event itself where there is none; `seq` counts the events of a subject, and tells their order. `payload` is what is
-- sent, to the byte. `pending`: nobody has looked yet who wants to be told.
CREATE TABLE events (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    seq INTEGER NOT NULL,
    license_id TEXT,
    at INTEGER NOT NULL,
    payload TEXT NOT NULL,
    pending INTEGER NOT NULL CHECK (pending IN (0, 1)),
    CONSTRAINT events_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX events_by_subject ON events (subject, seq);
CREATE INDEX events_pending ON events (at, seq) WHERE pending;

-- Where the merchant's systems want to be told. `kinds`: JSON list of the events they want; empty: all.
CREATE TABLE webhooks (
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    kinds TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    disabled_because TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT webhooks_pkey PRIMARY KEY (id)
) STRICT;

-- Their secrets, sealed. Several at once while one takes the place of another.
CREATE TABLE webhook_secrets (
    id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    CONSTRAINT webhook_secrets_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_secrets_webhook_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX webhook_secrets_by_webhook ON webhook_secrets (webhook_id);

-- An event on its way to one of them. While `state` is `pending`, `next_at` is when it is sent, also by whoever takes over
-- from a server that died while sending; `worker` is the claim that is held. `since`: when its three days began.
CREATE TABLE webhook_deliveries (
    webhook_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL,
    tries INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    since INTEGER NOT NULL,
    ended_at INTEGER,
    worker TEXT,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (webhook_id, event_id),
    CONSTRAINT webhook_deliveries_webhook_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_event_fkey FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (webhook_id, subject, seq) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (event_id);

-- What each try came to.
CREATE TABLE webhook_attempts (
    webhook_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    millis INTEGER NOT NULL,
    status INTEGER,
    error TEXT,
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (webhook_id, event_id, number),
    CONSTRAINT webhook_attempts_delivery_fkey FOREIGN KEY (webhook_id, event_id)
        REFERENCES webhook_deliveries (webhook_id, event_id) ON DELETE CASCADE
) STRICT;

-- Where the holder of a license reads mail; the address is sealed. `source`: who named it.
CREATE TABLE license_contacts (
    license_id TEXT NOT NULL,
    address BLOB NOT NULL,
    language TEXT NOT NULL,
    source TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT license_contacts_pkey PRIMARY KEY (license_id),
    CONSTRAINT license_contacts_license_fkey FOREIGN KEY (license_id) REFERENCES licenses (id)
) STRICT;

-- Mail on its way. `state`: `pending`, `sending` (from just before the text leaves until the answer is there), `sent`,
-- `failed`, `unknown` (the answer never came: it is not sent again).
CREATE TABLE mails (
    id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    license_id TEXT,
    state TEXT NOT NULL,
    tries INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    worker TEXT,
    error TEXT,
    CONSTRAINT mails_pkey PRIMARY KEY (id),
    CONSTRAINT mails_event_key UNIQUE (event_id, kind)
) STRICT;

CREATE INDEX mails_due ON mails (next_at) WHERE state IN ('pending', 'sending');

-- Which ends of licenses were announced: so many days before (0: it is over).
CREATE TABLE expiry_notices (
    license_id TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    days INTEGER NOT NULL,
    CONSTRAINT expiry_notices_pkey PRIMARY KEY (license_id, expires_at, days),
    CONSTRAINT expiry_notices_license_fkey FOREIGN KEY (license_id) REFERENCES licenses (id)
) STRICT;
