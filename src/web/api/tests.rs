//! HTTP tests of the management API.
