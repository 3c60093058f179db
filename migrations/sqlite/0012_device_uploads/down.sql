DROP TABLE device_uploads;
