DROP TABLE usage_report_days;

ALTER TABLE usage_periods DROP COLUMN rule;
