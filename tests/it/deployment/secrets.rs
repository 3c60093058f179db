//! What nobody may ever read.
