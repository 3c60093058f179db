-- A machine that has, or had, a seat of a license. While `ended_at` is empty the seat is taken; a floating one only as
-- long as its lease lasts.
CREATE TABLE activations (
    id TEXT NOT NULL,
    license_id TEXT NOT NULL REFERENCES licenses (id),
    product TEXT NOT NULL,
    name TEXT,
    platform TEXT,
    version TEXT,
    container INTEGER NOT NULL CHECK (container IN (0, 1)),
    components TEXT NOT NULL,
    floating INTEGER NOT NULL CHECK (floating IN (0, 1)),
    lease_ends_at INTEGER NOT NULL,
    grace_until INTEGER NOT NULL,
    borrowed INTEGER NOT NULL CHECK (borrowed IN (0, 1)),
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    ended_at INTEGER,
    ended_by TEXT,
    CONSTRAINT activations_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX activations_by_license_id_and_id ON activations (license_id, id);

-- Holds all that counting seats needs.
CREATE INDEX activations_with_a_seat ON activations (license_id, id, floating, lease_ends_at) WHERE ended_at IS NULL;

CREATE INDEX activations_by_ended_at ON activations (ended_at) WHERE ended_at IS NOT NULL;

-- What machines are made of, so that one is found without reading all machines of its license: `component` is
-- `name:digest`; `total` and `operator` say how many the machine has, and whether one of them is the operator's.
CREATE TABLE activation_components (
    license_id TEXT NOT NULL,
    component TEXT NOT NULL,
    activation_id TEXT NOT NULL REFERENCES activations (id),
    total INTEGER NOT NULL,
    operator INTEGER NOT NULL CHECK (operator IN (0, 1)),
    CONSTRAINT activation_components_pkey PRIMARY KEY (license_id, component, activation_id)
) STRICT;

CREATE INDEX activation_components_by_activation_id ON activation_components (activation_id);
