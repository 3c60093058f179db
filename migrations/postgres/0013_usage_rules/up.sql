-- By which rule (`day`, `month`, `term`) a period was counted, so that a plan that counts by another takes over only what still
-- lies within it. NULL: counted before this was written down.
ALTER TABLE usage_periods ADD COLUMN rule TEXT;

-- How many reports of usage a license sent on the last day on which it sent any: their ids are kept for weeks, so there is a
-- limit by day. `day` counts from the beginning of 1970, UTC.
CREATE TABLE usage_report_days (
    license_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    reports BIGINT NOT NULL,
    CONSTRAINT usage_report_days_pkey PRIMARY KEY (license_id),
    CONSTRAINT usage_report_days_license_fkey FOREIGN KEY (license_id) REFERENCES licenses (id)
);
