DROP TABLE license_links;
