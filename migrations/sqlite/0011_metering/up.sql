-- What was used in a meter's period, in ten-thousandths; the next period takes the row over. A period that a renewal ends
-- has none. What was ever used stands in `usage_counters`.
CREATE TABLE usage_periods (
    license_id TEXT NOT NULL,
    meter TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    used INTEGER NOT NULL,
    CONSTRAINT usage_periods_pkey PRIMARY KEY (license_id, meter),
    CONSTRAINT usage_periods_license_fkey FOREIGN KEY (license_id) REFERENCES licenses (id)
) STRICT;

-- What software reported, by the ids it gave, so that a repeat is not counted twice.
CREATE TABLE usage_reports (
    license_id TEXT NOT NULL,
    report_id TEXT NOT NULL,
    meter TEXT NOT NULL,
    amount INTEGER NOT NULL,
    counted_at INTEGER NOT NULL,
    activation_id TEXT NOT NULL,
    CONSTRAINT usage_reports_pkey PRIMARY KEY (license_id, report_id),
    CONSTRAINT usage_reports_license_fkey FOREIGN KEY (license_id) REFERENCES licenses (id)
) STRICT;

CREATE INDEX usage_reports_by_counted_at ON usage_reports (counted_at);
