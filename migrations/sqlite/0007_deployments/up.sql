-- A run of a product's recipe on a customer's server. `version` rises with every change, so that two workers cannot both
-- write what they saw. `next_at` is when a worker looks at it again; empty: nothing happens unless somebody asks for it.
CREATE TABLE deployments (
    id TEXT NOT NULL,
    license_id TEXT NOT NULL,
    product TEXT NOT NULL,
    provider TEXT NOT NULL,
    goal TEXT NOT NULL CHECK (goal IN ('deploy', 'remove')),
    status TEXT NOT NULL CHECK (status IN ('running', 'needs_credentials', 'failed', 'kept', 'healthy', 'gone', 'removed')),
    stage TEXT NOT NULL,
    plan TEXT NOT NULL,
    attempt TEXT,
    attempt_at INTEGER,
    sent INTEGER NOT NULL CHECK (sent IN (0, 1)),
    accepted TEXT,
    removal TEXT,
    address TEXT,
    credentials BLOB,
    password BLOB,
    trouble TEXT,
    machine_key BLOB,
    suspect INTEGER NOT NULL CHECK (suspect IN (0, 1)),
    again INTEGER NOT NULL CHECK (again IN (0, 1)),
    sequence INTEGER NOT NULL,
    activation_id TEXT,
    next_at INTEGER,
    deadline_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ended_at INTEGER,
    version INTEGER NOT NULL,
    CONSTRAINT deployments_pkey PRIMARY KEY (id),
    CONSTRAINT deployments_license_fkey FOREIGN KEY (license_id) REFERENCES licenses (id)
) STRICT;

CREATE INDEX deployments_by_license_id_and_id ON deployments (license_id, id);

CREATE INDEX deployments_by_next_at ON deployments (next_at) WHERE next_at IS NOT NULL;

-- When each stage of a deployment began and ended, the last time it was tried.
CREATE TABLE deployment_stages (
    deployment_id TEXT NOT NULL,
    stage TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    deadline_at INTEGER NOT NULL,
    ended_at INTEGER,
    CONSTRAINT deployment_stages_pkey PRIMARY KEY (deployment_id, stage),
    CONSTRAINT deployment_stages_deployment_fkey FOREIGN KEY (deployment_id) REFERENCES deployments (id)
) STRICT;

-- What was said about a deployment: by this service, by the cloud, by the machine.
CREATE TABLE deployment_lines (
    deployment_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    stage TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('signet', 'cloud', 'machine')),
    text TEXT NOT NULL,
    CONSTRAINT deployment_lines_pkey PRIMARY KEY (deployment_id, number),
    CONSTRAINT deployment_lines_deployment_fkey FOREIGN KEY (deployment_id) REFERENCES deployments (id)
) STRICT;

-- What a deployment made at a cloud and is paid for until it is removed.
CREATE TABLE deployment_resources (
    deployment_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('server', 'disk', 'address')),
    provider_id TEXT NOT NULL,
    name TEXT,
    seen_at INTEGER NOT NULL,
    removed_at INTEGER,
    CONSTRAINT deployment_resources_pkey PRIMARY KEY (deployment_id, kind, provider_id),
    CONSTRAINT deployment_resources_deployment_fkey FOREIGN KEY (deployment_id) REFERENCES deployments (id)
) STRICT;
