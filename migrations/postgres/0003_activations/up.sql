-- A machine that has, or had, a seat of a license. While `ended_at` is empty the seat is taken; a floating one only as
-- long as its lease lasts.
CREATE TABLE activations (
    id TEXT COLLATE "C" NOT NULL,
    license_id TEXT COLLATE "C" NOT NULL REFERENCES licenses (id),
    product TEXT COLLATE "C" NOT NULL,
    name TEXT,
    platform TEXT,
    version TEXT,
    container BOOLEAN NOT NULL,
    components TEXT NOT NULL,
    floating BOOLEAN NOT NULL,
    lease_ends_at BIGINT NOT NULL,
    grace_until BIGINT NOT NULL,
    borrowed BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_by TEXT,
    CONSTRAINT activations_pkey PRIMARY KEY (id)
);

CREATE INDEX activations_by_license_id_and_id ON activations (license_id, id);

-- Holds all that counting seats needs.
CREATE INDEX activations_with_a_seat ON activations (license_id, id, floating, lease_ends_at) WHERE ended_at IS NULL;

CREATE INDEX activations_by_ended_at ON activations (ended_at) WHERE ended_at IS NOT NULL;

-- What machines are made of, so that one is found without reading all machines of its license: `component` is
-- `name:digest`; `total` and `operator` say how many the machine has, and whether one of them is the operator's.
CREATE TABLE activation_components (
    license_id TEXT COLLATE "C" NOT NULL,
    component TEXT COLLATE "C" NOT NULL,
    activation_id TEXT COLLATE "C" NOT NULL REFERENCES activations (id),
    total BIGINT NOT NULL,
    operator BOOLEAN NOT NULL,
    CONSTRAINT activation_components_pkey PRIMARY KEY (license_id, component, activation_id)
);

CREATE INDEX activation_components_by_activation_id ON activation_components (activation_id);
