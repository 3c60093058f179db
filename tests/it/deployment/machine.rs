//! The protocol of machines, over HTTP.
