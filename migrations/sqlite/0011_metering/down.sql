DROP TABLE usage_reports;
DROP TABLE usage_periods;
