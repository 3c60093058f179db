DROP TABLE expiry_notices;
DROP TABLE mails;
DROP TABLE license_contacts;
DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_secrets;
DROP TABLE webhooks;
DROP TABLE events;
