DROP TABLE deployment_resources;
DROP TABLE deployment_lines;
DROP TABLE deployment_stages;
DROP TABLE deployments;
