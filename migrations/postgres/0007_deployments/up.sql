-- A run of a product's recipe on a customer's server. `version` rises with every change, so that two workers cannot both
-- write what they saw. `next_at` is when a worker looks at it again; empty: nothing happens unless somebody asks for it.
CREATE TABLE deployments (
    id TEXT COLLATE "C" NOT NULL,
    license_id TEXT COLLATE "C" NOT NULL,
    product TEXT COLLATE "C" NOT NULL,
    provider TEXT NOT NULL,
    goal TEXT NOT NULL CHECK (goal IN ('deploy', 'remove')),
    status TEXT NOT NULL CHECK (status IN ('running', 'needs_credentials', 'failed', 'kept', 'healthy', 'gone', 'removed')),
    stage TEXT COLLATE "C" NOT NULL,
    plan TEXT NOT NULL,
    attempt TEXT,
    attempt_at BIGINT,
    sent BOOLEAN NOT NULL,
    accepted TEXT,
    removal TEXT,
    address TEXT,
    credentials BYTEA,
    password BYTEA,
    trouble TEXT,
    machine_key BYTEA,
    suspect BOOLEAN NOT NULL,
    again BOOLEAN NOT NULL,
    sequence BIGINT NOT NULL,
    activation_id TEXT COLLATE "C",
    next_at BIGINT,
    deadline_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT,
    version BIGINT NOT NULL,
    CONSTRAINT deployments_pkey PRIMARY KEY (id),
    CONSTRAINT deployments_license_fkey FOREIGN KEY (license_id) REFERENCES licenses (id)
);

CREATE INDEX deployments_by_license_id_and_id ON deployments (license_id, id);

CREATE INDEX deployments_by_next_at ON deployments (next_at) WHERE next_at IS NOT NULL;

-- When each stage of a deployment began and ended, the last time it was tried.
CREATE TABLE deployment_stages (
    deployment_id TEXT COLLATE "C" NOT NULL,
    stage TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    deadline_at BIGINT NOT NULL,
    ended_at BIGINT,
    CONSTRAINT deployment_stages_pkey PRIMARY KEY (deployment_id, stage),
    CONSTRAINT deployment_stages_deployment_fkey FOREIGN KEY (deployment_id) REFERENCES deployments (id)
);

-- What was said about a deployment: by this service, by the cloud, by the machine.
CREATE TABLE deployment_lines (
    deployment_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    stage TEXT COLLATE "C" NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('signet', 'cloud', 'machine')),
    text TEXT NOT NULL,
    CONSTRAINT deployment_lines_pkey PRIMARY KEY (deployment_id, number),
    CONSTRAINT deployment_lines_deployment_fkey FOREIGN KEY (deployment_id) REFERENCES deployments (id)
);

-- What a deployment made at a cloud and is paid for until it is removed.
CREATE TABLE deployment_resources (
    deployment_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('server', 'disk', 'address')),
    provider_id TEXT COLLATE "C" NOT NULL,
    name TEXT,
    seen_at BIGINT NOT NULL,
    removed_at BIGINT,
    CONSTRAINT deployment_resources_pkey PRIMARY KEY (deployment_id, kind, provider_id),
    CONSTRAINT deployment_resources_deployment_fkey FOREIGN KEY (deployment_id) REFERENCES deployments (id)
);
